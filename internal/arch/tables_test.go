package arch

// layer orders the packages: a package imports its own layer and the ones below it, never one above; so nobody imports the last two.
type layer int

const (
	leaf    layer = iota // knows no other package than leaves
	core                 // what decides, and what is computed from it
	shell                // what does I/O: sockets, clocks, files, goroutines
	cli                  // the command line, which knows every shell
	command              // func main
	test                 // holds tests, or what only tests use
	tool                 // a generator that a developer runs; builds on core and leaves
)

func (l layer) String() string {
	return [...]string{"leaf", "core", "shell", "cli", "command", "test", "tool"}[l]
}

// purity says what a package has promised about the world outside it.
type purity int

const (
	worldly purity = iota // may touch clock, network, files, goroutines
	pure                  // its results depend on its arguments alone, on every machine
	exact                 // pure, and its arithmetic is in integers
)

// class is one line of the table: a package, where it stands, and what it promises.
type class struct {
	path   string
	layer  layer
	purity purity
}

// classes names every package of the module. A package that is listed but not written yet is no error, so that a plan can be
// laid down first; a package that is written but not listed is one.
var classes = []class{
	{"internal/tick", leaf, exact},
	{"internal/unit", leaf, exact},
	{"internal/yamlconf", leaf, pure},

	{"internal/rng", core, exact},
	{"internal/distribution", core, exact},
	{"internal/des", core, exact},
	{"internal/limit", core, exact},
	{"internal/ops", core, exact},
	{"internal/record", core, exact},
	{"internal/tokens", core, worldly}, // vocabularies are loaded once, on first use, and counts remembered in a shared table
	{"internal/prompt", core, worldly}, // so is what it counts with

	{"simulator/deployment", core, exact},
	{"simulator/lease", core, exact},
	{"simulator/latency", core, exact},
	{"simulator/fault", core, exact},
	{"simulator/content", core, exact},
	{"simulator/catalog", core, exact},
	{"simulator/access", core, exact},
	{"simulator/embed", core, pure},
	{"simulator/structured", core, exact},
	{"simulator/fixture", core, pure},
	{"simulator/filter", core, exact},
	{"simulator/store", core, pure},

	{"gateway/core", core, exact},
	{"gateway/affinity", core, exact},
	{"gateway/route", core, exact},
	{"gateway/breaker", core, exact},
	{"gateway/retry", core, exact},
	{"gateway/results", core, exact},
	{"gateway/canary", core, exact},
	{"gateway/tenancy", core, exact},
	{"gateway/queue", core, exact},
	{"gateway/budget", core, exact},
	{"gateway/account", core, exact},
	{"gateway/cache", core, exact},

	{"loadgen/core", core, exact},
	{"loadgen/arrival", core, exact},
	{"loadgen/tenant", core, exact},
	{"loadgen/body", core, exact},

	{"scenarios", core, exact},
	{"scenarios/assert", core, pure},
	{"scenarios/virtual", core, exact},

	{"reports", core, exact},
	{"reports/section", core, exact},
	{"reports/render", core, exact},
	{"reports/compare", core, exact},

	{"internal/authority", shell, worldly},
	{"internal/otlp", shell, worldly},
	{"internal/histogram", shell, worldly},
	{"internal/drive", shell, worldly},
	{"internal/pace", shell, worldly},
	{"simulator", shell, worldly},
	{"simulator/replica", shell, worldly},
	{"simulator/aoai", shell, worldly},
	{"simulator/identity", shell, worldly},
	{"internal/keyfile", shell, worldly},
	{"gateway", shell, worldly},
	{"gateway/identity", shell, worldly},
	{"gateway/entra", shell, worldly},
	{"gateway/upstream", shell, worldly},
	{"internal/memo", shell, worldly},
	{"loadgen", shell, worldly},
	{"scenarios/live", shell, worldly},

	{"internal/cli", cli, worldly},
	{"cmd/foundrylab", command, worldly},
	{"internal/arch", test, worldly},
	{"gateway/bench", test, worldly},
	{"internal/pipenet", test, worldly},
	{"internal/tracetest", test, worldly},
	{"internal/proctest", test, worldly},
	{"reports/reporttest", test, worldly},
	{"simulator/replica/redistest", test, worldly},
	{"internal/rng/gen", tool, worldly},
}

// border is a rule between two parts of the tree that layers alone do not express. A name stands for itself and for all below it.
type border struct {
	who  string   // the importer, or the imported where the table says so
	what []string // what who may or must not import, or who may import it
	why  string
}

// judgesKnow is all that a judge of a run may know of this module: then a live, a virtual and a merged run, and a run against
// somebody else's gateway, are judged alike.
var judgesKnow = []string{"internal/record", "internal/tick", "internal/unit", "internal/yamlconf"}

// never: who must not import what.
var never = []border{
	{"gateway", []string{"simulator"}, "the gateway must not know that it talks to a fake"},
	{"simulator", []string{"gateway"}, "the simulator serves any gateway"},
}

// only: who imports, of this module, nothing but what (and itself).
var only = []border{
	{"cmd", []string{"internal/cli"}, "main hands over to internal/cli, which tests can call"},
	{"reports", judgesKnow, "a report reads the record and nothing else"},
	{"scenarios/assert", judgesKnow, "an assertion reads the record and nothing else"},
}

// onlyBy: what who, a package or a module, may be imported by.
var onlyBy = []border{
	{"internal/cli", []string{"cmd"}, "the command line is the top"},
	{"scenarios/live", []string{"internal/cli", "cmd"}, "a live run opens sockets, and only the command line may start one"},
	{"github.com/redis/go-redis/v9", []string{"simulator/replica"}, "what is shared is said in calls of simulator/lease, wherever it is kept"},
	{"github.com/Azure/azure-sdk-for-go/sdk/azidentity", []string{"gateway/entra"}, "whoever needs a token of Entra asks there"},
	{"github.com/spf13/cobra", []string{"internal/cli"}, "flags and commands end at internal/cli"},
	{"github.com/spf13/viper", []string{"internal/cli"}, "viper lower-cases keys and knows no line numbers: process settings only"},
}

// reach says where a third-party module may be imported.
type reach int

const (
	inTests  reach = iota // never linked into the binary
	inShells              // it does I/O, logs or keeps state of its own
	anywhere              // its results depend on its arguments alone
)

// dependency is a module that go.mod may require directly.
type dependency struct {
	module string
	reach  reach
}

// dependencies is the whole list; a module that is not here is a decision to take first, in docs/ARCHITECTURE.md.
var dependencies = []dependency{
	{"github.com/golang-jwt/jwt/v5", inShells},
	{"github.com/gorilla/mux", inShells},
	{"github.com/tsenart/vegeta/v12", inShells},
	{"github.com/pkoukk/tiktoken-go", inTests},
	{"github.com/pkoukk/tiktoken-go-loader", inShells},
	{"github.com/prometheus/client_golang", inShells},
	{"github.com/prometheus/client_model", inShells},
	{"github.com/redis/go-redis/v9", inShells},
	{"github.com/rs/zerolog", inShells},
	{"github.com/spf13/viper", inShells},
	{"github.com/spf13/cobra", inShells},
	{"golang.org/x/sys", inShells},
	{"go.yaml.in/yaml/v3", anywhere},
	{"github.com/expr-lang/expr", anywhere},
	{"github.com/go-json-experiment/json", anywhere},
	{"github.com/santhosh-tekuri/jsonschema/v6", anywhere},
	{"github.com/prometheus/common", inTests},
	{"go.opentelemetry.io/proto/otlp", inTests},
	{"google.golang.org/protobuf", inTests},
	{"github.com/openai/openai-go/v3", inTests},
	{"github.com/Azure/azure-sdk-for-go/sdk/azcore", inShells},
	{"github.com/Azure/azure-sdk-for-go/sdk/azidentity", inShells},
	{"github.com/anthropics/anthropic-sdk-go", inTests},
	{"github.com/rogpeppe/go-internal", inTests},
	{"golang.org/x/tools", inTests},
}

// Limits on size. A function is counted from its signature to its closing brace.
const (
	maxFuncLines     = 70
	maxFileLines     = 500
	maxTestFileLines = 700
	maxMainLines     = 30
)
