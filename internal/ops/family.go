package ops

// Family is a set of routes that share a prefix, and with it the place of the deployment's name and the rule for
// api-version. A value in Families is never changed.
type Family struct {
	Name        string // for logs and tables
	Prefix      string // gorilla/mux template; {deployment} is the deployment name, {project} a project's
	ModelInBody bool   // the deployment is named by the body's model, not by the path
}

// Families lists the route families of a resource. Operations that belong to no deployment stand under /openai on the
// classic side. Plain is no route of the service: it is what clients of OpenAI's own API call.
var Families = []Family{
	{"classic", "/openai/deployments/{deployment}", false},
	{"resource", "/openai", true},
	{"v1", "/openai/v1", true},
	{"project", "/api/projects/{project}/openai/v1", true},
	{"models", "/models", true},
	{"anthropic", "/anthropic/v1", true},
	{"plain", "/v1", true},
}

// FamilySet says in which families an operation is.
type FamilySet uint8

// One bit for each place in Families.
const (
	InClassic FamilySet = 1 << iota
	InResource
	InV1
	InProject
	InModels
	InAnthropic
	InPlain
)

// inOpenAI are the families of what OpenAI's API has as well, except for the classic ones.
const inOpenAI = InV1 | InProject | InPlain

// Route is one path of an operation.
type Route struct {
	Family Family
	Path   string // gorilla/mux template
}

// Routes lists the operation's paths in the order of Families.
func (o *Operation) Routes() (list []Route) {
	for i, family := range Families {
		if o.In&(1<<i) != 0 {
			list = append(list, Route{family, family.Prefix + o.Tail})
		}
	}
	return list
}
