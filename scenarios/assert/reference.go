package assert

import (
	"reflect"
	"slices"
	"strings"
)

// Reference returns docs/assertions.md: what the language is, and every name
// of the table with its fields.
func Reference() string {
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString("\n## Idioms\n\n| assertion | says |\n|---|---|\n")
	for _, i := range idioms {
		row(&b, code(i.source), i.says)
	}
	b.WriteString("\n## Names\n\n| name | what it is | example |\n|---|---|---|\n")
	for _, e := range All {
		_, written := e.shape()
		row(&b, code(written), e.Help, code(e.Example))
	}
	b.WriteString("\n## Fields\n\nThe names are those of `report.json` without the unit at their end.\n")
	groups(&b)
	return b.String()
}

// groups writes one table of fields for each kind of struct, under the names
// that show it.
func groups(b *strings.Builder) {
	var done []reflect.Type
	for i, e := range All {
		t, written := e.shape()
		if t == nil || slices.Contains(done, t) {
			continue
		}
		done = append(done, t)
		b.WriteString("\n### " + code(written))
		for _, later := range All[i+1:] {
			if other, also := later.shape(); other == t {
				b.WriteString(", " + code(also))
			}
		}
		b.WriteString("\n\n| field | unit | what it is |\n|---|---|---|\n")
		for f := range t.Fields() {
			fields(b, f, "", "")
		}
	}
}

// fields writes the row of a field, or of each field below it.
func fields(b *strings.Builder, f reflect.StructField, path, help string) {
	path += f.Tag.Get("expr")
	if help != "" {
		help += ": "
	}
	help += f.Tag.Get("help")
	if f.Type.Kind() == reflect.Struct {
		for inner := range f.Type.Fields() {
			fields(b, inner, path+".", help)
		}
		return
	}
	d := dimensionOf(f)
	unit := string(d.kind)
	if f.Type.Kind() == reflect.String {
		unit = "name"
	}
	if d.absent != "" {
		help += "; missing is shown as " + code(d.absent)
	}
	row(b, code(path), unit, help)
}

func row(b *strings.Builder, cells ...string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func code(s string) string { return "`" + s + "`" }

// idioms are assertions worth knowing beyond the examples of the table.
var idioms = []struct{ source, says string }{
	{`failover("ptu-outage").failed_requests == 0 and goodput >= 99.5%`, "both must hold; the report shows both values"},
	{`500ms <= tenant("chat").ttft.p50 <= 2s`, "the value lies in a range"},
	{`all(filter(tenants, .weight >= 2), .goodput >= 99%)`, "some of the tenants"},
	{`all(tenants, .name == "batch" or .throttled == 0)`, "every tenant but one"},
	{`max(map(tenants, .goodput)) - min(map(tenants, .goodput)) <= 5%`, "no tenant far behind another"},
	{`tenant("chat").ttft.p95 < tenant("batch").ttft.p95`, "one measurement against another"},
	{`totals.rescued <= 0.1 * totals.requests`, "a share that the report does not have"},
	{`none(backends, .sku startsWith "Global" and .attempts > 0)`, "the traffic stayed in its region"},
	{`failover("ptu-outage").time_to_failback >= 0s`, "it happened at all: a missing value fails every comparison"},
}

const introduction = `# Assertions

<!-- Generated from scenarios/assert by "go test ./scenarios/assert -update". Do not edit. -->

An assertion of a scenario is one expression that comes to true or false. It is compiled before the run, so an
unknown name, field, tenant, backend or fault is an error with its column and not a surprise an hour later.
It is judged on the result of the run, the one that is written to ` + "`report.json`" + `.

` + "```yaml" + `
assert:            # must hold, else the run fails
  - failover("ptu-outage").time_to_recover < 5s
  - tenant("chat").goodput >= 99%
warn:              # is reported when it does not hold
  - fairness.satisfaction_min >= 80%
` + "```" + `

## Literals

| literal | is | examples |
|---|---|---|
| duration | milliseconds; units are ms, s, m, h | ` + "`250ms` `5s` `1.5s` `1m30s`" + ` |
| percentage | a part of 1 | ` + "`99%` `99.5 %`" + ` is 0.99 and 0.995 |
| number | itself; beside a duration it is milliseconds | ` + "`0` `1.3` `1_000`" + ` |
| name | itself | ` + "`\"chat\"` `'chat'`" + ` |

` + "`%`" + ` after a number is a percentage, unless an operand follows: ` + "`totals.requests % 10`, `100 % 7` and `100 % (3 + 4)`" + ` are
remainders. What begins with a sign is no operand: ` + "`100% - 5%`" + ` is a difference.

Durations, percentages and counts cannot be compared with or added to each other. A value that is read as a
percentage cannot be compared with a bare number above 1: ` + "`goodput <= 99`" + ` could never fail.

## Operators and functions

` + "`==  !=  <  <=  >  >=`, `and  or  not` (`&&  ||  !`), `+  -  *  /  %`" + `, ranges such as ` + "`1s < x < 5s`" + `;
for names also ` + "`in  contains  startsWith  endsWith  matches`" + `.

| function | comes to |
|---|---|
| ` + "`all(list, …)` `any(list, …)` `none(list, …)` `one(list, …)`" + ` | whether the condition holds for every, some, no, exactly one element |
| ` + "`filter(list, …)` `map(list, …)`" + ` | the elements for which it holds; a value of each element |
| ` + "`count(list, …)` `len(list)`" + ` | for how many it holds; how many there are |
| ` + "`sum(list, …)` `min(…)` `max(…)` `mean(…)` `abs(x)`" + ` | as they say; min, max and mean take numbers and lists of numbers |

Inside a condition a field of the element is written with a dot in front, and ` + "`#`" + ` is the element itself.
At most 2 conditions lie within each other. An assertion has at most 2000 bytes and 500 parts.

## Missing values

A time that never came, a percentile of nothing and a ratio over nothing are missing: any field whose unit is ms, % or
ratio may be. What is computed from a missing value is missing,
so are the mean, minimum and maximum of an empty list, and a division by zero.
**A missing value never helps an assertion to pass.** Every comparison with one fails, ` + "`<`, `>` and `!=`" + ` alike, and below a
` + "`not`" + ` or in ` + "`none`" + ` it counts against the assertion as well. Where neither would be safe (within ` + "`count`, `filter`, `one`" + `, or a
comparison of truth values) the whole assertion fails and its value ends in "incomplete".

## What the report shows

The measured value of each comparison in its unit, joined by commas along ` + "`and`" + ` and ` + "`or`" + `: ` + "`1200 ms`, `99.42 %`, `0.98`, `never`" + `.
For anything else, true or false; where an ` + "`all`" + ` failed, with the first element that failed it: ` + "`false (batch 93.21 %)`" + `.

A failed assertion of severity ` + "`error`" + ` (the default) makes the verdict of the run ` + "`fail`" + `; one of severity ` + "`warn`" + ` is only reported.
Whatever the assertions say, a live run is ` + "`void`" + ` if its load generator lagged by more than 10 ms at the 99th percentile or dropped
a send.
`
