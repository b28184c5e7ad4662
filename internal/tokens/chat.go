package tokens

import "foundrylab/internal/ops"

// Message is one chat message.
type Message = ops.Message

// ChatRule is what the form of a conversation costs, in tokens, beside its texts.
type ChatRule struct {
	Message int // for each message, beside its role, content and name
	Name    int // for each name; negative where it replaces the role
	Prompt  int // once, for the answer that the prompt is primed for
}

// Rules of chat.
var (
	cookbookChat = ChatRule{Message: 3, Name: 1, Prompt: 3}  // of the OpenAI cookbook
	firstChat    = ChatRule{Message: 4, Name: -1, Prompt: 3} // of gpt-3.5-turbo-0301, there too
	newestChat   = ChatRule{Message: 3, Name: 1, Prompt: 2}  // bills from gpt-5.4 on were one lower
)

// Tokens returns the prompt tokens of messages: the rule's, and those of every role, content and name. Images, tools
// and tool calls are not counted.
func (r ChatRule) Tokens(c Counter, msgs []Message) int {
	total := r.Prompt
	for i := range msgs {
		total += r.Message + c.Count(msgs[i].Role) + c.Count(msgs[i].Text)
		if msgs[i].Name != "" {
			total += r.Name + c.Count(msgs[i].Name)
		}
	}
	return total
}

// ChatPrompt is ChatRule.Tokens by the cookbook's rule, by which generated prompts are planned.
func ChatPrompt(c Counter, msgs []Message) int { return cookbookChat.Tokens(c, msgs) }
