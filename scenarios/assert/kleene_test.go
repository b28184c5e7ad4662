package assert

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"foundrylab/internal/record"
)

// truth is the three-valued logic that the compiled polarities must come to.
type truth int

const (
	no truth = iota
	unknown
	yes
)

// formula writes a random assertion and works out its truth in the plainest
// way. The atoms are about tenant "chat", whose goodput is 50 % and whose ttft
// is missing, and about the lists of both tenants.
func formula(r *rand.Rand, depth int) (string, truth) {
	if depth == 0 {
		return atom(r)
	}
	left, l := formula(r, depth-1)
	right, k := formula(r, depth-1)
	switch r.IntN(5) {
	case 0:
		return "(" + left + " and " + right + ")", min(l, k)
	case 1:
		return "(" + left + " or " + right + ")", max(l, k)
	case 2:
		return "not " + left, yes - l
	case 3:
		return "!(" + left + " && " + right + ")", yes - min(l, k)
	}
	return quantified(r)
}

func atom(r *rand.Rand) (string, truth) {
	switch r.IntN(4) {
	case 0:
		return `(tenant("chat").goodput > 10%)`, yes
	case 1:
		return `(tenant("chat").goodput > 90%)`, no
	case 2:
		return `(tenant("chat").ttft.p95 > 1s)`, unknown
	}
	return `(tenant("chat").ttft.p95 <= tenant("chat").e2e.p50)`, unknown
}

// quantified is over chat and batch; batch is like chat, but its ttft is 1 s.
func quantified(r *rand.Rand) (string, truth) {
	body, chat, batch := predicate(r, 1)
	switch r.IntN(3) {
	case 0:
		return fmt.Sprintf("all(tenants, %s)", body), min(chat, batch)
	case 1:
		return fmt.Sprintf("any(tenants, %s)", body), max(chat, batch)
	}
	return fmt.Sprintf("none(tenants, %s)", body), yes - max(chat, batch)
}

func predicate(r *rand.Rand, depth int) (string, truth, truth) {
	if depth == 0 {
		switch r.IntN(4) {
		case 0:
			return ".goodput > 10%", yes, yes
		case 1:
			return ".goodput > 90%", no, no
		case 2:
			return ".ttft.p95 > 2s", unknown, no
		}
		return ".ttft.p95 < 2s", unknown, yes
	}
	left, a, b := predicate(r, depth-1)
	right, c, d := predicate(r, depth-1)
	switch r.IntN(3) {
	case 0:
		return left + " and " + right, min(a, c), min(b, d)
	case 1:
		return left + " or " + right, max(a, c), max(b, d)
	}
	return "not (" + left + ")", yes - a, yes - b
}

// TestMissingFollowsKleene: an assertion passes exactly if three-valued logic
// calls it true; unknown is not true.
func TestMissingFollowsKleene(t *testing.T) {
	res := silent()
	for i := range res.Tenants {
		res.Tenants[i].GoodputRatio = 500_000
	}
	res.Tenants[1].TTFT.P95 = 1_000_000
	r := rand.New(rand.NewPCG(1, 2))
	count := map[truth]int{}
	for range 5000 {
		src, want := formula(r, 1+r.IntN(4))
		a := mustCompile(t, src).Judge(res)
		if a.Pass != (want == yes) {
			t.Fatalf("%s: pass %v %s, but in three values it is %d", src, a.Pass, a.Value, want)
		}
		count[want]++
	}
	for _, v := range []truth{no, unknown, yes} {
		if count[v] < 200 {
			t.Errorf("only %d formulas came to %d", count[v], v)
		}
	}
	if (res.Tenants[1].TTFT.P95 == record.Null) || (res.Tenants[0].TTFT.P95 != record.Null) {
		t.Error("the fixture is not what the formulas assume")
	}
}
