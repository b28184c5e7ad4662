package assert

import (
	"strings"
	"testing"
)

func TestErrors(t *testing.T) {
	for _, c := range []struct{ src, err string }{
		// names
		{`tenant("caht").goodput > 1%`, `column 8: this scenario has no tenant "caht", did you mean chat? it has: chat, batch`},
		{`goodput > 1% and backend("x").failed == 0`, `column 26: this scenario has no backend "x"; it has: ptu-swe, paygo`},
		{`failover("ptu-outge").failed_requests == 0`, `column 10: this scenario has no fault "ptu-outge", did you mean ptu-outage? it has: ptu-outage`},
		{`gooodput > 1%`, `column 1: there is no gooodput, did you mean goodput? names: backend, backends, failover, fairness, generator, goodput, retry_amplification, tenant, tenants, totals`},
		{`goodput > 1% and $env.goodput > 1%`, `column 18: there is no $env; names: backend`},
		{`every(tenants, .goodput > 1%)`, `column 1: there is no function every; functions: abs, all, any, backend, count, failover, filter, len, map, max, mean, min, none, one, sum, tenant`},
		{`tenants | counts(.goodput > 1%) > 1`, `column 11: there is no function counts, did you mean count? functions:`},
		{`len(toJSON(tenants)) > 1`, `column 5: there is no function toJSON`},
		{`median(map(tenants, .goodput)) > 1%`, `column 1: there is no function median`},
		{`goodput() > 1%`, `column 1: goodput is no function: write it without parentheses`},
		{`compare(0, 1, 2, "") and goodput > 1`, `column 1: there is no function compare`},
		// fields
		{`tenant("chat").goodputt > 1%`, `column 16: tenant("chat") has no field goodputt, did you mean goodput? fields: name, weight, requests,`},
		{`goodput > 1% and tenant("chat").ttft.p96 < 5s`, `column 38: tenant("chat").ttft has no field p96, did you mean p95? fields: p50, p95, p99`},
		{`all(tenants, .good > 1%)`, `column 15: # has no field good; fields: name, weight`},
		{`tenant("chat").Goodput > 1%`, `column 16: tenant("chat") has no field Goodput, did you mean goodput?`},
		{`tenant("chat")["goodputt"] > 1%`, `column 16: tenant("chat") has no field goodputt, did you mean goodput?`},
		{`goodput.p95 > 1%`, `column 9: goodput is a single value, it has no field p95`},
		{`tenant.goodput > 1%`, `column 1: tenant needs a name: write tenant("…").goodput`},
		{`tenants.goodput > 1%`, `column 9: tenants is a list: write all(tenants, .goodput …) or the like`},
		{`tenant("chat").foo()`, `column 16: tenant("chat").foo is no function`},
		// arguments
		{`tenant("chat", "x").goodput > 1%`, `column 1: tenant takes one name`},
		{`tenant().goodput > 1%`, `column 1: tenant takes one name`},
		{`tenant(5).goodput > 1%`, `column 8: cannot use int as argument (type string) to call tenant`},
		{`max() > goodput`, `column 1: max takes numbers or a list of numbers`},
		{`max(tenants) > 1`, `column 5: max takes numbers or a list of numbers: write max(map(tenants, .goodput)) or the like`},
		{`mean(map(tenants, .name)) > 1`, `column 6: mean takes numbers or a list of numbers`},
		// what cannot be compared
		{`tenant("chat").ttft < 5s`, `column 16: tenant("chat").ttft is a group of values: name one of its fields, p50, p95, p99`},
		{`tenants == 5`, `column 1: tenants is a list: use all(tenants, …), any(tenants, …) or the like`},
		{`tenant == 5`, `column 1: tenant needs a name: write tenant("…")`},
		{`goodput > "a"`, `column 9: invalid operation: > (mismatched types number and string)`},
		{`tenant("chat").ttft.p95 < 5%`, `column 25: a duration cannot be compared with a percentage`},
		{`totals.failed < 5s`, `column 15: a count cannot be compared with a duration`},
		{`totals.failed < 1%`, `column 15: a count cannot be compared with a percentage`},
		{`goodput > fairness.longest_starvation`, `column 9: a percentage cannot be compared with a duration`},
		{`tenant("chat").ttft.p95 + 5% < 5s`, `column 25: a duration and a percentage cannot be added or subtracted`},
		{`all(tenants, .ttft.p95 < 5%)`, `column 24: a duration cannot be compared with a percentage`},
		{`goodput <= 99`, `column 12: goodput is a part of 1: for a percentage write 99%`},
		{`99.5 < tenant("chat").goodput`, `column 1: tenant("chat").goodput is a part of 1: for a percentage write 99.5%`},
		{`[1, "a"][0] == goodput`, `column 9: [1, "a"][0] has no type that is known beforehand`},
		{`goodput in [1]`, `column 9: in looks a name up in a list`},
		{`"goodput" in totals`, `column 11: in looks a name up in a list`},
		// what could not fail
		{`1 < 2`, `column 1: the assertion looks at nothing measured`},
		{`true`, `column 1: the assertion looks at nothing measured`},
		{`all(tenants, goodput > 1%)`, `column 14: this looks at no element of tenants: a field of the element is written with a dot in front, such as .goodput`},
		{`all(tenants, any(backends, .failed > 0))`, `column 14: this looks at no element of tenants`},
		// not a truth value
		{`goodput`, `column 1: the assertion must come to true or false: compare the value with something`},
		{`map(tenants, .goodput)`, `column 1: the assertion must come to true or false`},
		{`[goodput, "a"][0]`, `column 1: the assertion must come to true or false`},
		{`goodput and totals.failed`, `column 9: invalid operation: and (mismatched types number and int)`},
		// not in the language
		{`goodput == nil`, `column 12: there is no nil: a value that never came fails every comparison`},
		{`let x = goodput; x > 1%`, `column 5: this is no part of the assertion language`},
		{`goodput > 1%; goodput > 2%`, `column 9: this is no part of the assertion language`},
		{`goodput > 1% ? true : false`, `this is no part of the assertion language`},
		{`(goodput ?? 1) > 0.5`, `column 10: the assertion language has no operator ??`},
		{`tenants?.x`, `this is no part of the assertion language`},
		{`goodput ^ 2 > 1`, `column 9: the assertion language has no operator ^`},
		{`goodput ** 2 > 1`, `column 9: the assertion language has no operator **`},
		{`len(1..totals.requests) > 1`, `column 6: the assertion language has no operator ..`},
		{`{"a": goodput}.a > 1%`, `column 1: this is no part of the assertion language`},
		{`len(tenants[0:1]) > 0`, `column 12: this is no part of the assertion language`},
		{`b"x" == b"x" and goodput > 1`, `column 1: this is no part of the assertion language`},
		// literals
		{`goodput > 5x`, `column 11: cannot read 5x: units are ms, s, m, h and %, as in 250ms or 99.5%`},
		{`é > 5 sec and 5secs`, `column 15: cannot read 5secs: units are`},
		{`goodput > 5s5`, `column 11: cannot read 5s5: units are`},
		{`goodput > 1m5`, `column 11: cannot read 1m5: units are`},
		{`goodput > 1.00005%`, `column 11: a percentage has too many decimals: the record is exact to 1 µs and to 0.0001%`},
		{`generator.lag_p99 < 0.0001ms`, `column 21: a duration has too many decimals`},
		{`generator.lag_p99 < 99999999h`, `column 21: a duration is too large`},
		{`generator.lag_p99 < 277778h`, `column 21: a duration is too large`},
		{`goodput < 99999999999999999999%`, `column 11: a percentage is too large`},
		{`totals.failed < 99999999999999999999`, `invalid integer literal`},
		// syntax
		{``, `column 1: unexpected end of the assertion`},
		{`goodput >`, `unexpected end of the assertion`},
		{`goodput = 1%`, `column 9: unexpected =: equality is written ==`},
		{`goodput > 99% )`, `column 15: unexpected token Bracket(")")`},
		{`failover("ptu-outage").time_to_recover < 5s and ) `, `column 49: unexpected token Bracket(")")`},
		{`"é" == "é" and 99% < 5s and )`, `column 29: unexpected token Bracket(")")`},
		{"goodput > 5%\nand goodputt > 1%", `line 2, column 5: there is no goodputt`},
		{`goodput > 1% and "x`, `literal not terminated`},
		{`"abc" matches "(" and goodput > 1%`, `column 7: error parsing regexp`},
		{"goodput > 1 \xff", `column 1: the assertion is not UTF-8`},
		// bounds
		{strings.Repeat(" ", MaxSource) + `x`, `column 1: the assertion has 2001 bytes, 2000 are allowed: split it`},
		{strings.Repeat("-", MaxNodes+1) + `goodput < 1`, `the assertion has more than 500 parts: split it`},
		{`all(tenants, .weight > 0 and all(tenants, .weight > 0 and all(tenants, .weight > 0)))`, `column 59: all is nested too deep: at most 2 conditions lie within each other`},
		{strings.Repeat(`0<(`, 60) + `goodput` + strings.Repeat(`)<0`, 60), `the assertion has more than 500 parts: split it`},
	} {
		_, err := Compile(c.src, known)
		if err == nil {
			t.Errorf("%s compiles, want %s", c.src, c.err)
			continue
		}
		text := err.Error()
		if !strings.Contains(text, c.err) || strings.HasPrefix(c.err, "column") && !strings.HasPrefix(text, c.err) {
			t.Errorf("%s:\n got %s\nwant %s", c.src, text, c.err)
		}
		checkErrorForm(t, c.src, text)
	}
}

func checkErrorForm(t *testing.T, src, text string) {
	t.Helper()
	if strings.ContainsAny(text, "\n\r") || !strings.HasPrefix(text, "column ") && !strings.HasPrefix(text, "line ") {
		t.Errorf("%q: an error is one line that begins with its place: %q", src, text)
	}
	if strings.Contains(text, "cannot be compiled") {
		t.Errorf("%q: the compiler broke: %q", src, text)
	}
}

func TestBoundsAreReached(t *testing.T) {
	for _, src := range []string{
		`goodput > 1%` + strings.Repeat(" ", MaxSource-len(`goodput > 1%`)),
		strings.Repeat("-", MaxNodes-4) + `goodput < 1`,
		`all(tenants, .weight > 0 and all(tenants, .weight > 0))`,
		strings.Repeat("(", 900) + `goodput < 1` + strings.Repeat(")", 900),
	} {
		if _, err := Compile(src, known); err != nil {
			t.Errorf("%.60s…: %v", src, err)
		}
	}
}

func TestScenarioWithoutFaults(t *testing.T) {
	_, err := Compile(`failover("x").failed_requests == 0`, Names{})
	if err == nil || err.Error() != `column 10: this scenario has no fault "x"` {
		t.Error(err)
	}
}
