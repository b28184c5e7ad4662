package assert

import "foundrylab/internal/record"

// The verdicts of record.Result.
const (
	Pass = "pass"
	Fail = "fail"
	Void = "void" // the generator fell behind: the run says nothing
)

// MaxLag is the largest p99 of the generator's lag, in microseconds, with
// which a live run counts.
const MaxLag record.Millis = 10_000

// JudgeAll fills res.Assertions in the order of progs and sets res.Verdict.
func JudgeAll(res *record.Result, progs []*Program) {
	res.Assertions = make([]record.Assertion, 0, len(progs))
	verdict := Pass
	for _, p := range progs {
		a := p.Judge(res)
		res.Assertions = append(res.Assertions, a)
		if !a.Pass && a.Severity != string(Warn) {
			verdict = Fail
		}
	}
	if res.Mode == "live" && res.Generator.LagP99 > MaxLag || res.Generator.Dropped > 0 {
		verdict = Void
	}
	res.Verdict = verdict
}
