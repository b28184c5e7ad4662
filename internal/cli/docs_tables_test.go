package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	gatewayhttp "foundrylab/gateway"
	gateway "foundrylab/gateway/core"
	"foundrylab/gateway/queue"
	"foundrylab/gateway/route"
	"foundrylab/internal/distribution"
	"foundrylab/internal/record"
	"foundrylab/internal/unit"
	"foundrylab/internal/yamlconf"
	"foundrylab/loadgen/arrival"
	"foundrylab/loadgen/tenant"
	"foundrylab/reports/compare"
	"foundrylab/reports/render"
	"foundrylab/reports/section"
	"foundrylab/scenarios"
	"foundrylab/scenarios/assert"
	"foundrylab/simulator/access"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/fixture"
	"foundrylab/simulator/latency"
)

// docsPart is a part of a page that is written from a table of the code. It
// stands between <!-- generated: name --> and <!-- /generated -->;
// go test ./internal/cli -run TestDocsGenerated -update writes it anew.
type docsPart struct {
	page, name string
	make       func(t *testing.T) string
}

var docsParts = []docsPart{
	{"docs/options.md", "options", docsOptions},
	{"docs/scenarios.md", "scenario", keysOf[scenarios.Scenario]},
	{"docs/scenarios.md", "backend", keysOf[deployment.Config]},
	{"docs/scenarios.md", "gateway", keysOf[gateway.Config]},
	{"docs/scenarios.md", "tenant", keysOf[tenant.Config]},
	{"docs/scenarios.md", "arrivals", keysOf[arrival.Config]},
	{"docs/scenarios.md", "distribution", keysOf[distribution.Config]},
	{"docs/scenarios.md", "fault", keysOf[fault.Config]},
	{"docs/scenarios.md", "quota", keysOf[scenarios.Pool]},
	{"docs/fixtures.md", "match", keysOf[fixture.Match]},
	{"docs/fixtures.md", "answer", keysOf[fixture.Answer]},
	{"docs/auth.md", "auth", keysOf[access.Config]},
	{"docs/gateway.md", "file", keysOf[gatewayhttp.File]},
	{"docs/scenarios.md", "slo", keysOf[scenarios.SLO]},
	{"docs/scenarios.md", "policies", func(*testing.T) string {
		return docsTable([]string{"policy", "what it does"}, route.Policies, func(p route.Named) []string { return []string{mono(p.Name), p.Help} })
	}},
	{"docs/scenarios.md", "disciplines", func(*testing.T) string {
		return docsTable([]string{"discipline", "what it does"}, queue.Disciplines, func(d queue.Discipline) []string { return []string{mono(d.Name), d.Help} })
	}},
	{"docs/scenarios.md", "arrival kinds", func(*testing.T) string {
		return docsTable([]string{"process", "what it does", "example"}, arrival.Kinds, func(k arrival.Kind) []string {
			return []string{mono(k.Name), k.Help, mono(k.Example)}
		})
	}},
	{"docs/scenarios.md", "clients", func(*testing.T) string {
		return docsTable([]string{"client", "what it does"}, tenant.Clients, func(c tenant.Client) []string { return []string{mono(c.Name), c.Help} })
	}},
	{"docs/scenarios.md", "fault kinds", func(*testing.T) string {
		return docsTable([]string{"kind", "what it does", "example"}, fault.Kinds, func(k fault.Kind) []string {
			return []string{mono(k.Name), k.Help, mono(k.Example)}
		})
	}},
	{"docs/scenarios.md", "shipped", docsShipped},
	{"docs/latency.md", "presets", docsPresets},
	{"docs/fidelity.md", "ptu", docsPTU},
	{"docs/metrics.md", "sections", func(*testing.T) string {
		return docsTable([]string{"section", "what the reader learns"}, section.All[:], func(s section.Section) []string {
			return []string{s.Title, s.Doc}
		})
	}},
	{"docs/metrics.md", "formats", func(*testing.T) string {
		return docsTable([]string{"format", "file", "what it is"}, render.All[:], func(f render.Format) []string {
			return []string{f.Name, mono(f.File), f.Doc}
		})
	}},
	{"docs/metrics.md", "compared", func(*testing.T) string {
		return docsTable([]string{"figure", "what it is", "better is", "never a regression up to"}, compare.All[:], func(m compare.Metric) []string {
			return []string{mono(m.Name), m.Doc, map[bool]string{true: "more", false: "less"}[m.Higher], m.Show(m.Floor)}
		})
	}},
	{"docs/metrics.md", "reasons", docsReasons},
}

// TestDocsGenerated holds the generated parts against the code. A table that
// grows makes it fail until its page is written anew.
func TestDocsGenerated(t *testing.T) {
	marker := regexp.MustCompile(`(?m)^<!-- generated: (.+) -->$`)
	for _, p := range docsPages(t) {
		for _, m := range marker.FindAllStringSubmatch(p.text, -1) {
			if !slices.ContainsFunc(docsParts, func(d docsPart) bool { return d.page == p.name && d.name == m[1] }) {
				t.Errorf("%s: nothing generates %q", p.name, m[1])
			}
		}
	}
	for _, d := range docsParts {
		page := docsPageNamed(t, d.page).text
		begin, end := "<!-- generated: "+d.name+" -->\n", "<!-- /generated -->"
		before, rest, ok := strings.Cut(page, begin)
		have, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Errorf("%s has no part %q", d.page, d.name)
			continue
		}
		want := "\n" + d.make(t) + "\n"
		if have == want {
			continue
		}
		if !docsUpdating() {
			t.Errorf("%s: part %q is not up to date; go test ./internal/cli -run TestDocsGenerated -update writes it. Want:\n%s", d.page, d.name, want)
			continue
		}
		if err := os.WriteFile(filepath.Join(docsRoot, d.page), []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDocsMention wants every entry of what is not generated named in the page
// that lists it: as a row of a table, in code face, or as a command.
func TestDocsMention(t *testing.T) {
	for _, c := range []struct {
		page, before, after string
		names               []string
	}{
		{"README.md", "\n| `", "` |", exitCodes(t)},
		{"README.md", "", "", commandNames()},
		{"docs/metrics.md", "`", "`", resultFields(reflect.TypeFor[record.Result](), "")},
		{"docs/assertions.md", "\n| `", "` |", assertionNames()},
		{"docs/ARCHITECTURE.md", "\n| `", "", packageNames(t)},
		{"docs/adding.md", "`", "`", []string{"simulator/fault.Kinds", "loadgen/arrival.Kinds", "gateway/route.Policies", "simulator/latency.presets",
			"loadgen/tenant.Clients", "scenarios/assert.All", "reports/section.All"}},
	} {
		page := docsPageNamed(t, c.page).text
		if len(c.names) < 5 {
			t.Errorf("%s: only %d names to look for", c.page, len(c.names))
		}
		for _, name := range c.names {
			if !strings.Contains(page, c.before+name+c.after) {
				t.Errorf("%s does not have %q", c.page, c.before+name+c.after)
			}
		}
	}
}

func mono(s string) string { return "`" + s + "`" }

// docsTable draws a Markdown table.
func docsTable[T any](head []string, rows []T, cells func(T) []string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	fmt.Fprintf(&b, "|%s\n", strings.Repeat("---|", len(head)))
	for _, r := range rows {
		c := cells(r)
		for i := range c {
			c[i] = strings.ReplaceAll(c[i], "|", "\\|")
		}
		line(c)
	}
	return b.String()
}

var (
	flagLine    = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([\w-]+(?: \S+)?) {2,}(.+)$`)
	flagDefault = regexp.MustCompile(` \(default "?([^"]+?)"?\)$`)
)

// docsOptions lists the flags of every command; those that several have alike
// are one row.
func docsOptions(*testing.T) string {
	var rows [][]string
	for _, c := range below(newRoot(Streams{})) {
		name := strings.TrimPrefix(c.CommandPath(), "foundrylab ")
		for _, m := range flagLine.FindAllStringSubmatch(c.LocalFlags().FlagUsages(), -1) {
			def, text := "–", flagDefault.ReplaceAllString(m[2], "")
			if d := flagDefault.FindStringSubmatch(m[2]); d != nil {
				def = mono(d[1])
			}
			same := slices.IndexFunc(rows, func(r []string) bool { return r[1] == mono("--"+m[1]) && r[2] == text && r[3] == def })
			if same >= 0 {
				rows[same][0] += ", " + name
			} else if m[1] != "help" {
				rows = append(rows, []string{name, mono("--" + m[1]), text, def})
			}
		}
	}
	return docsTable([]string{"command", "option", "what it does", "default"}, rows, func(r []string) []string { return r })
}

func commandNames() []string {
	var names []string
	for _, c := range below(newRoot(Streams{})) {
		if c.Name() != "help" && c.RunE != nil && !c.Hidden {
			names = append(names, c.CommandPath())
		}
	}
	return names
}

// keyTypes are the structs with a section of their own in docs/scenarios.md;
// the keys of any other one are listed with the struct that it is in.
var keyTypes = []struct {
	t           reflect.Type
	what, where string
}{
	{reflect.TypeFor[scenarios.Scenario](), "scenario", ""},
	{reflect.TypeFor[deployment.Config](), "backend", "backends"},
	{reflect.TypeFor[gateway.Config](), "gateway", "gateway"},
	{reflect.TypeFor[gatewayhttp.FilePolicy](), "gateway", "gateway"},
	{reflect.TypeFor[tenant.Config](), "tenant", "tenants"},
	{reflect.TypeFor[arrival.Config](), "arrival process", "arrivals"},
	{reflect.TypeFor[distribution.Config](), "distribution", "distributions"},
	{reflect.TypeFor[fault.Config](), "fault", "faults"},
	{reflect.TypeFor[scenarios.Pool](), "quota pool", "quota"},
	{reflect.TypeFor[scenarios.SLO](), "SLO", "slo"},
}

// keysOf draws the table of a config struct's keys from its tags.
func keysOf[T any](*testing.T) string {
	return docsTable([]string{"key", "value", "default", "what it is"}, keyRows(reflect.TypeFor[T](), ""), func(r []string) []string { return r })
}

func keyRows(t reflect.Type, prefix string) [][]string {
	var rows [][]string
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		if !f.IsExported() || key == "" || key == "-" {
			continue
		}
		inner, list := f.Type, ""
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			if inner.Kind() == reflect.Slice {
				list += "[]"
			}
			inner = inner.Elem()
		}
		def := "–"
		if d, ok := f.Tag.Lookup("default"); ok {
			def = mono(d)
		} else if f.Tag.Get("required") == "true" {
			def = "required"
		}
		value, below := docsValue(f, inner, list)
		rows = append(rows, []string{mono(prefix + key), value, def, f.Tag.Get("doc")})
		if below {
			rows = append(rows, keyRows(inner, prefix+key+list+".")...)
		}
	}
	return rows
}

// docsValue says what a key takes, and whether its own keys are listed below it.
func docsValue(f reflect.StructField, inner reflect.Type, list string) (text string, below bool) {
	switch known := slices.IndexFunc(keyTypes, func(k struct {
		t           reflect.Type
		what, where string
	}) bool {
		return k.t == inner
	}); {
	case known >= 0:
		text = fmt.Sprintf("[%s](#%s)", keyTypes[known].what, keyTypes[known].where)
	case inner == reflect.TypeFor[unit.Duration]():
		text = "duration"
	case inner == reflect.TypeFor[unit.Count]():
		text = "count"
	case inner == reflect.TypeFor[unit.Rate]():
		text = "rate"
	case inner == reflect.TypeFor[unit.Ratio]():
		text = "ratio"
	case inner == reflect.TypeFor[unit.Money]():
		text = "amount"
	case reflect.PointerTo(inner).Implements(reflect.TypeFor[yamlconf.TextSchema]()):
		text = "text such as " + mono(reflect.New(inner).Interface().(yamlconf.TextSchema).Example())
	case inner.Kind() == reflect.Struct:
		text, below = "map", true
	case f.Tag.Get("enum") != "":
		text = "`" + strings.ReplaceAll(f.Tag.Get("enum"), "|", "`, `") + "`"
	case inner.Kind() == reflect.String:
		text = "text"
	case inner.Kind() == reflect.Bool:
		text = "`true`, `false`"
	default:
		text = "whole number"
		if least, most := f.Tag.Get("min"), f.Tag.Get("max"); least != "" && most != "" {
			text += ", " + least + " to " + most
		} else if least != "" {
			text += ", at least " + least
		}
	}
	for range len(list) / 2 {
		text = "list of " + text
	}
	return text, below
}

func docsShipped(t *testing.T) string {
	return docsTable([]string{"name", "what it shows"}, scenarios.ShippedNames(), func(name string) []string {
		src, read, _ := scenarios.Shipped(name)
		s, err := scenarios.Load(name, src, nil, read)
		if err != nil {
			t.Fatal(err)
		}
		return []string{mono(name), strings.TrimSpace(s.Description)}
	})
}

// sourceRows reads the rows of a table literal that is not exported.
func sourceRows(t *testing.T, file, pattern string, names []string) [][]string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(docsRoot, file))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(pattern).FindAllStringSubmatch(string(src), -1)
	var found []string
	for _, r := range rows {
		found = append(found, r[1])
	}
	if !slices.Equal(found, names) {
		t.Fatalf("%s: read %v, the package knows %v", file, found, names)
	}
	return rows
}

// knownFrom returns the names that a validation message lists after "known: ".
func knownFrom(validate func(fail func(path, format string, args ...any))) []string {
	var names []string
	validate(func(_, format string, args ...any) {
		if _, list, ok := strings.Cut(fmt.Sprintf(format, args...), "known: "); ok {
			names = strings.Split(list, ", ")
		}
	})
	return names
}

func docsPresets(t *testing.T) string {
	rows := sourceRows(t, "simulator/latency/preset.go", `\{"([\w.-]+)", (\d+) \* ms, (\d+) \* ms, (\d+) \* ms, (\d+), (\d+)_000\}`,
		knownFrom(latency.Config{Preset: "?"}.Validate))
	return docsTable([]string{"profile", "TTFT p50", "TTFT p95", "per 1,000 prompt tokens", "tokens per second", "spread"}, rows, func(r []string) []string {
		return []string{mono(r[1]), r[2] + " ms", r[3] + " ms", r[4] + " ms", r[5], strings.TrimSuffix(r[6], "0") + " %"}
	})
}

func docsPTU(t *testing.T) string {
	rows := sourceRows(t, "simulator/deployment/ptu-2026-05-21.csv", `(?m)^([\w.-]+),(\d+),(\d+),(\d+),(\d+),(\d+),(\d+),(\d+),(.*)$`,
		knownFrom(deployment.Config{Model: "?", SKU: "ProvisionedManaged", PTU: 1}.Validate))
	thousands := regexp.MustCompile(`(\d)(\d{3})$`)
	head := []string{"model", "input TPM of one PTU", "an output token counts as", "target, tokens per second", "regional minimum / step", "global and data zone", "note"}
	return docsTable(head, rows, func(r []string) []string {
		return []string{mono(r[1]), thousands.ReplaceAllString(r[2], "$1,$2"), r[3] + " input tokens", r[4], r[5] + " / " + r[6], r[7] + " / " + r[8], r[9]}
	})
}

// docsReasons lists the vocabulary of reasons, with the comments of its source.
func docsReasons(t *testing.T) string {
	src, err := os.ReadFile(filepath.Join(docsRoot, "internal/record/reason.go"))
	if err != nil {
		t.Fatal(err)
	}
	notes := regexp.MustCompile(`(?m)^\t[A-Z]\w+ .*// (.+)$`).FindAllSubmatch(src, -1)
	var rows [][]string
	for i := 0; ; i++ {
		name, ok := reasonName(i)
		if !ok {
			break
		}
		meaning := "nothing went wrong"
		if i > 0 {
			meaning = string(notes[i-1][1])
		}
		rows = append(rows, []string{fmt.Sprint(i), mono(name), meaning})
	}
	if len(rows) != len(notes)+1 {
		t.Fatalf("%d reasons, %d of them explained", len(rows), len(notes)+1)
	}
	return docsTable([]string{"number", "reason", "what it means"}, rows, func(r []string) []string { return r })
}

func reasonName(i int) (name string, ok bool) {
	defer func() { ok = recover() == nil }()
	return record.Reason(i).String(), true
}

// resultFields returns the paths of report.json; quantiles count as one field.
func resultFields(t reflect.Type, prefix string) []string {
	var paths []string
	for i := range t.NumField() {
		f := t.Field(i)
		path, inner := prefix+f.Tag.Get("json"), f.Type
		if inner.Kind() == reflect.Slice {
			path, inner = path+"[]", inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[record.P]() {
			paths = append(paths, resultFields(inner, path+".")...)
		} else {
			paths = append(paths, path)
		}
	}
	return paths
}

func assertionNames() []string {
	var names []string
	for _, e := range assert.All {
		switch {
		case e.Arg != "":
			names = append(names, e.Name+`("…")`)
		case reflect.TypeOf(e.Value(&record.Result{})).Kind() == reflect.Slice:
			names = append(names, e.Name+"[i]")
		default:
			names = append(names, e.Name)
		}
	}
	return names
}

// packageNames returns the packages of the table of layers that exist, and what
// they have promised.
func packageNames(t *testing.T) []string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(docsRoot, "internal/arch/tables_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^\t\{"([\w/]+)", (\w+), (\w+)\}`).FindAllSubmatch(src, -1) {
		if _, err := os.Stat(filepath.Join(docsRoot, string(m[1]))); err == nil {
			promise := string(m[3])
			if promise == "worldly" {
				promise = map[bool]string{true: "shell"}[string(m[2]) == "shell"]
			}
			names = append(names, string(m[1])+"` | "+promise)
		}
	}
	return names
}
