package access

import "strings"

// needs says which data action an operation needs: in the families of OpenAI's models, and in those of models that are
// sold as a service. One that ends in a slash goes on with the verb of the method. That of chat is inferred from the
// wording which was seen of other actions; all others are from memory of Azure's list.
var needs = []struct{ does, openAI, maas string }{
	{"ChatCompletions_Create", "deployments/chat/completions/action", "chat/completions/action"},
	{"Completions_Create", "deployments/completions/action", "completions/action"},
	{"Embeddings_Create", "deployments/embeddings/action", "embeddings/action"},
	{"Responses_Create", "responses/", "responses/"},
	{"Messages_Create", "messages/action", "messages/action"},
	{"count_tokens", "messages/action", "messages/action"},
	{"models", "models/", "models/"},
}

// Action returns the data action of a request: does is the operation's name in internal/ops, for what is done with a
// response that of the operation which made it, count_tokens or models; family is a route family. It returns "" for what
// needs none.
func Action(does, method, family string) string {
	for _, n := range needs {
		if n.does != does {
			continue
		}
		action := account + "OpenAI/" + n.openAI
		if family == "models" || family == "anthropic" {
			action = account + "MaaS/" + n.maas
		}
		if strings.HasSuffix(action, "/") {
			action += verb(method)
		}
		return action
	}
	return ""
}

// verb is what Azure calls a method: what asks and changes nothing reads, what deletes deletes, and all else, such as to
// cancel, writes.
func verb(method string) string {
	switch method {
	case "GET":
		return "read"
	case "DELETE":
		return "delete"
	}
	return "write"
}
