package tokens

import "strings"

// Model is how the tokens of a model are counted: a line of the table below.
type Model struct {
	Name     string // the model's, or what its name begins with
	Encoding string // its vocabulary
	Chat     ChatRule
	Tools    ToolRule
	Images   ImageRule
}

// models in the order of search: the first whose name fits counts, so what begins like another stands before it. A name
// fits itself, and longer ones if "-" or ":" follows or if it ends in ".". The vocabularies are those of tiktoken's own
// table; that gpt-6 has that of gpt-5 was seen in bills. docs/fidelity.md says what is known of the rules.
var models = []Model{
	{"gpt-6.", O200K, newestChat, tools4o, tiles5},
	{"gpt-6", O200K, newestChat, tools4o, tiles5},
	{"gpt-5.6", O200K, newestChat, tools4o, tiles5},
	{"gpt-5.5", O200K, newestChat, tools4o, tiles5},
	{"gpt-5.4", O200K, newestChat, tools4o, tiles5},
	{"gpt-5.", O200K, cookbookChat, tools4o, tiles5},
	{"gpt-5-mini", O200K, cookbookChat, tools4o, patchesMini},
	{"gpt-5-nano", O200K, cookbookChat, tools4o, patchesNano},
	{"gpt-5", O200K, cookbookChat, tools4o, tiles5},
	{"gpt-4.1-mini", O200K, cookbookChat, tools4o, patchesMini},
	{"gpt-4.1-nano", O200K, cookbookChat, tools4o, patchesNano},
	{"gpt-4.1", O200K, cookbookChat, tools4o, tiles4o},
	{"gpt-4.5", O200K, cookbookChat, tools4o, tiles4o},
	{"gpt-4o-mini", O200K, cookbookChat, tools4o, tiles4oMini},
	{"gpt-4o", O200K, cookbookChat, tools4o, tiles4o},
	{"chatgpt-4o", O200K, cookbookChat, tools4o, tiles4o},
	{"o1", O200K, cookbookChat, tools4o, tilesO},
	{"o3", O200K, cookbookChat, tools4o, tilesO},
	{"o4-mini", O200K, cookbookChat, tools4o, patchesO4},
	{"codex-mini", O200K, cookbookChat, tools4o, patchesO4},
	{"model-router", O200K, cookbookChat, tools4o, tiles5},
	{"gpt-oss", O200K, cookbookChat, tools4o, ImageRule{}},
	{"gpt-4", CL100K, cookbookChat, tools4, tiles4o},
	{"gpt-3.5-turbo-0301", CL100K, firstChat, tools4, ImageRule{}},
	{"gpt-35-turbo-0301", CL100K, firstChat, tools4, ImageRule{}},
	{"gpt-3.5", CL100K, cookbookChat, tools4, ImageRule{}},
	{"gpt-35", CL100K, cookbookChat, tools4, ImageRule{}},
	{"text-embedding-3", CL100K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"text-embedding-ada-002", CL100K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"davinci-002", CL100K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"babbage-002", CL100K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"text-davinci-003", P50K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"text-davinci-002", P50K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"code-davinci", P50K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"code-cushman", P50K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"text-davinci-001", R50K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"text-curie", R50K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"text-babbage", R50K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"text-ada", R50K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"davinci", R50K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"curie", R50K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"babbage", R50K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"ada", R50K, ChatRule{}, ToolRule{}, ImageRule{}},
	{"gpt2", R50K, ChatRule{}, ToolRule{}, ImageRule{}},
}

// fits tells whether a line of that name is that of a model.
func fits(line, model string) bool {
	rest, ok := strings.CutPrefix(model, line)
	return ok && (rest == "" || rest[0] == '-' || rest[0] == ':' || strings.HasSuffix(line, "."))
}

// ModelNamed returns the line of a model, also of a fine-tuned one ("ft:gpt-4o:..."). Names of other makers' models,
// whose vocabularies are not public, are unknown.
func ModelNamed(name string) (Model, bool) {
	name = strings.TrimPrefix(name, "ft:")
	for i := range models {
		if fits(models[i].Name, name) {
			return models[i], true
		}
	}
	return Model{}, false
}

// ModelOrNewest is ModelNamed, but an unknown model counts like gpt-4.1, of whose vocabulary all later ones are.
func ModelOrNewest(name string) Model {
	if m, ok := ModelNamed(name); ok {
		return m
	}
	return Model{name, O200K, cookbookChat, tools4o, tiles4o}
}

// ModelNames returns the names in the table.
func ModelNames() []string {
	var names []string
	for i := range models {
		if !strings.HasSuffix(models[i].Name, ".") {
			names = append(names, models[i].Name)
		}
	}
	return names
}
