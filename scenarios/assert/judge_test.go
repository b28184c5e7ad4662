package assert

import (
	"strings"
	"testing"

	"foundrylab/internal/record"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		src   string
		pass  bool
		value string
	}{
		// units of the value
		{`failover("ptu-outage").time_to_recover < 5s`, true, "1200 ms"},
		{`failover("ptu-outage").time_to_recover <= 1.2s`, true, "1200 ms"},
		{`failover("ptu-outage").time_to_recover < 1200ms`, false, "1200 ms"},
		{`failover("ptu-outage").time_to_recover < 5000`, true, "1200 ms"},
		{`failover("ptu-outage").failed_requests == 0`, true, "0"},
		{`tenant("chat").ttft.p95 == 1200.345ms`, true, "1200.345 ms"},
		{`tenant("chat").goodput >= 99.99%`, true, "99.99 %"},
		{`tenant("chat").goodput >= 99.991%`, false, "99.99 %"},
		{`goodput == 0.995`, true, "99.5 %"},
		{`fairness.jain_p5 >= 98%`, true, "0.98"},
		{`retry_amplification < 1.1`, false, "1.1"},
		{`totals.requests > 999`, true, "1000"},
		{`totals.failed != 5`, false, "5"},
		{`totals.failed != 4`, true, "5"},
		{`tenants[1].name == "chat"`, false, `"batch"`},
		// chains
		{`goodput >= 99% and totals.failed == 0`, false, "99.5 %, 5"},
		{`totals.failed == 0 and goodput >= 99%`, false, "5, 99.5 %"},
		{`goodput >= 99% or totals.failed == 0 or retry_amplification < 2`, true, "99.5 %, 5, 1.1"},
		{`goodput >= 99% and (totals.failed == 0 or totals.failed == 5) && not (totals.throttled > 0)`, true, "99.5 %, 5, 5, 0"},
		{`not (goodput > 99% and totals.failed == 5)`, false, "99.5 %, 5"},
		{`1s < tenant("chat").ttft.p95 and goodput > 1%`, true, "1200.345 ms, 99.5 %"},
		{`retry_amplification > goodput > 50%`, true, "1.1, 99.5 %"},
		{`1s < tenant("chat").ttft.p95 < 2s`, true, "1200.345 ms"},
		{`0 < count(tenants, 0 < count(backends, .failed < 3) + .weight < 4) < 2`, true, "1"},
		{`1s < tenant("chat").ttft.p95 < 1.1s and goodput > 1%`, false, "1200.345 ms, 99.5 %"},
		// the measurement is shown on whichever side it is
		{`5s > tenant("chat").ttft.p95`, true, "1200.345 ms"},
		{`tenant("chat").ttft.p95 < tenant("batch").ttft.p95`, true, "1200.345 ms"},
		// anything else is a truth value
		{`all(tenants, .goodput >= 95%)`, true, "true"},
		{`all(tenants, .goodput >= 99%)`, false, "false (batch 98 %)"},
		{`all(tenants, .weight < 9 and .goodput >= 99%)`, false, "false (batch 98 %)"},
		{`all(tenants, .goodput >= 99.995% and .weight < 0)`, false, "false (chat 99.99 %)"},
		{`all(tenants, not (.goodput < 99%))`, false, "false"},
		{`all(tenants, .weight < 2 or .goodput >= 99%)`, true, "true"},
		{`all(tenants, .weight < 1 or .goodput >= 99%)`, false, "false"},
		{`all(tenants, .goodput >= 99%) and totals.failed == 5`, false, "false (batch 98 %), 5"},
		{`not all(tenants, .goodput >= 99%)`, true, "true"},
		{`all(filter(backends, .attempts == 0), .utilization_p95 < 80%)`, false, "false (ptu-swe 85 %)"},
		{`any(tenants, .goodput >= 99%)`, true, "true"},
		{`none(tenants, .goodput < 90%)`, true, "true"},
		{`one(tenants, .goodput >= 99%)`, true, "true"},
		{`tenants | all(.goodput > 99%)`, false, "false (batch 98 %)"},
		{`tenant("chat").name startsWith "ch"`, true, "true"},
		{`"chat" in map(tenants, .name)`, true, "true"},
		{`tenants[0].name not in ["batch"]`, true, "true"},
		{`(goodput > 99%) == (totals.failed == 0)`, false, "true"},
		// arithmetic keeps units where it makes sense
		{`tenant("chat").ttft.p95 + 1s < 2s`, false, "2200.345 ms"},
		{`tenant("chat").ttft.p95 * 2 < 2s`, false, "2400.69 ms"},
		{`tenant("chat").ttft.p95 / tenant("chat").ttft.p50 < 2`, true, "1.500431"},
		{`max(map(tenants, .goodput)) - min(map(tenants, .goodput)) <= 2%`, true, "1.99 %"},
		{`mean(map(tenants, .ttft.p50)) == 850ms`, true, "850 ms"},
		{`mean(1, [2, 3.5], 4) < totals.failed`, true, "2.625"},
		{`sum(tenants, .requests) == totals.requests`, true, "1000"},
		{`count(tenants, .goodput > 99%) == 1`, true, "1"},
		{`totals.requests % 7 == 6`, true, "6"},
		{`100% - goodput < 1%`, true, "0.5 %"},
		{`abs(-fairness.jain_p5) > 0.9`, true, "0.98"},
		{`-fairness.longest_starvation == 0`, true, "0 ms"},
		{`1000 + tenant("chat").ttft.p95 < 3s`, true, "2200.345 ms"},
		{`goodput * 100 >= 99`, true, "99.5"},
		{`-tenant("chat").ttft.p50 < 0`, true, "-800 ms"},
		// what cannot be evaluated fails and says why
		{`tenants[5].weight > 0`, false, "error: index out of range: 5 (array length is 2)"},
		{`totals.requests % totals.throttled == 0`, false, "error: runtime error: integer divide by zero"},
		{`tenant(tenants[1].name).weight == 1`, true, "1"},
		{`tenant(backends[0].name).weight == 1`, false, `error: this run has no tenant "ptu-swe"`},
		{`len(tenants) > 5 and tenants[5].weight > 0`, false, "2, not evaluated"},
	} {
		p := mustCompile(t, c.src)
		a := p.Judge(healthy())
		if a.Pass != c.pass || a.Value != c.value {
			t.Errorf("%s: %v %q, want %v %q", c.src, a.Pass, a.Value, c.pass, c.value)
		}
		if a.Expr != c.src || a.Severity != "error" {
			t.Errorf("%s: assertion %+v", c.src, a)
		}
	}
}

// TestMissing: a missing value never helps.
func TestMissing(t *testing.T) {
	ttr := `failover("ptu-outage").time_to_recover`
	for _, c := range []struct {
		src   string
		pass  bool
		value string
	}{
		{ttr + ` < 5s`, false, "never"},
		{ttr + ` > 5s`, false, "never"},
		{ttr + ` <= 5s`, false, "never"},
		{ttr + ` >= 5s`, false, "never"},
		{ttr + ` == 5s`, false, "never"},
		{ttr + ` != 5s`, false, "never"},
		{ttr + ` == ` + ttr, false, "never against never"},
		{`not (` + ttr + ` > 5s)`, false, "never"},
		{`!!(` + ttr + ` > 5s)`, false, "never"},
		{`not (` + ttr + ` > 5s and totals.failed == 0)`, false, "never, 0"},
		{`not (` + ttr + ` > 5s and totals.failed == 1)`, true, "never, 0"},
		{ttr + ` < 5s or totals.failed == 0`, true, "never, 0"},
		{ttr + ` + 1s < 5s`, false, "never"},
		{`5s > ` + ttr, false, "never"},
		{`tenant("chat").ttft.p95 < 5s`, false, "no data"},
		{`fairness.longest_starvation <= tenant("chat").ttft.p95`, false, "0 ms against no data"},
		{`goodput >= 0`, false, "no data"},
		{`all(tenants, .goodput >= 95%)`, false, "false (chat no data)"},
		{`any(tenants, .goodput >= 95%)`, false, "false"},
		{`none(tenants, .goodput < 95%)`, false, "false"},
		{`not any(tenants, .goodput < 95%)`, false, "false"},
		{`not none(tenants, .goodput >= 95%)`, false, "false"},
		{`one(tenants, .goodput < 95%)`, false, "false (incomplete: no data)"},
		{`not one(tenants, .goodput < 95%)`, false, "true (incomplete: no data)"},
		{`count(tenants, .goodput < 95%) == 0`, false, "0 (incomplete: no data)"},
		{`len(filter(tenants, .goodput < 95%)) == 0`, false, "0 (incomplete: no data)"},
		{`(goodput < 95%) == false`, false, "false (incomplete: no data)"},
		{`map(tenants, .goodput < 95%)[0] == false`, false, "false (incomplete: no data)"},
		{`max(map(tenants, .ttft.p95)) < 5s`, false, "no data"},
		{`max(map(filter(tenants, .weight > 5), .weight)) < 5`, false, "no data"},
		{`1s + ` + ttr + ` < 5s`, false, "never"},
		{`min(5, 5 / totals.requests) < 9`, false, "no data"},
		{`min(0, goodput) < 5%`, false, "no data"},
		{`sum(tenants, .goodput) < 5%`, false, "no data"},
		{`mean(map(filter(tenants, .weight > 5), .weight)) < 5`, false, "no data"},
		{`sum(tenants, .weight) / totals.requests < 5`, false, "no data"},
		{`5 / totals.requests > 1`, false, "no data"},
	} {
		p := mustCompile(t, c.src)
		if a := p.Judge(silent()); a.Pass != c.pass || a.Value != c.value {
			t.Errorf("%s: %v %q, want %v %q", c.src, a.Pass, a.Value, c.pass, c.value)
		}
	}
}

func TestJudgeAll(t *testing.T) {
	run := func(mutate func(*record.Result), progs ...*Program) *record.Result {
		r := healthy()
		mutate(r)
		JudgeAll(r, progs)
		return r
	}
	passes, fails, warns := mustCompile(t, `goodput > 99%`), mustCompile(t, `goodput > 99.9%`), mustCompile(t, `goodput > 99.9%`)
	warns.Severity = Warn
	none := func(*record.Result) {}
	for _, c := range []struct {
		name    string
		got     *record.Result
		verdict string
	}{
		{"no assertion", run(none), "pass"},
		{"one passes", run(none, passes), "pass"},
		{"one of two fails", run(none, fails, passes), "fail"},
		{"a warning fails", run(none, warns, passes), "pass"},
		{"both", run(none, warns, fails), "fail"},
		{"lag at the bound", run(func(r *record.Result) { r.Generator.LagP99 = 10_000 }, passes), "pass"},
		{"lag above the bound", run(func(r *record.Result) { r.Generator.LagP99 = 10_001 }, passes), "void"},
		{"a drop", run(func(r *record.Result) { r.Generator.Dropped = 1 }, fails), "void"},
		{"a virtual run cannot lag", run(func(r *record.Result) { r.Mode, r.Generator.LagP99 = "virtual", 1<<40 }, passes), "pass"},
		{"a drop in a virtual run", run(func(r *record.Result) { r.Mode, r.Generator.Dropped = "virtual", 1 }, passes), "void"},
	} {
		if c.got.Verdict != c.verdict {
			t.Errorf("%s: %s, want %s", c.name, c.got.Verdict, c.verdict)
		}
	}
	r := run(func(r *record.Result) { r.Assertions = make([]record.Assertion, 9) }, warns, passes)
	want := []record.Assertion{
		{Expr: `goodput > 99.9%`, Pass: false, Value: "99.5 %", Severity: "warn"},
		{Expr: `goodput > 99%`, Pass: true, Value: "99.5 %", Severity: "error"},
	}
	if len(r.Assertions) != 2 || r.Assertions[0] != want[0] || r.Assertions[1] != want[1] {
		t.Errorf("assertions %+v", r.Assertions)
	}
	if r := run(none); r.Assertions == nil {
		t.Error("without assertions the report must hold an empty list, not null")
	}
}

func TestSourceIsTrimmed(t *testing.T) {
	p := mustCompile(t, "\n  goodput > 1%\n")
	if p.String() != "goodput > 1%" || strings.TrimSpace(p.Judge(healthy()).Expr) != p.String() {
		t.Errorf("%q", p)
	}
}
