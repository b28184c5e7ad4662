package route

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"foundrylab/internal/rng"
)

// groups that every policy must share out by weight. A dead backend is simply
// not among the members: its share goes to the others in proportion.
var groups = []struct {
	name    string
	members []Member
}{
	{"one", []Member{{7, 3}}},
	{"two alike", []Member{{0, 1}, {1, 1}}},
	{"three by weight", []Member{{0, 1}, {1, 2}, {2, 5}}},
	{"three by weight, the second dead", []Member{{0, 1}, {2, 5}}},
	{"three by weight, the heaviest dead", []Member{{0, 1}, {1, 2}}},
	{"far apart", []Member{{0, 1}, {1, 1000}}},
}

// Every policy of the table gives each member its share, within five standard
// deviations of a fair draw.
func TestEveryPolicySharesByWeight(t *testing.T) {
	const picks = 100_000
	for _, p := range Policies {
		for _, g := range groups {
			t.Run(p.Name+"/"+g.name, func(t *testing.T) {
				die := rng.New(1, rng.RouteChoice, 0)
				next := uint64(0)
				count := make([]int64, len(g.members))
				for key := range uint64(picks) {
					count[p.Choose(g.members, Pick{Key: key, Seen: make([]Seen, 8)}, die, &next)]++
				}
				for i, m := range g.members {
					want := picks * m.Weight / total(g.members)
					if off := count[i] - want; off*off > 25*want+1 {
						t.Errorf("backend %d got %d of %d, want about %d", m.Backend, count[i], picks, want)
					}
				}
			})
		}
	}
}

// A round is exact, whatever the requests are.
func TestRoundRobinTurn(t *testing.T) {
	members := []Member{{0, 2}, {5, 1}, {9, 3}}
	next, got := uint64(0), ""
	for key := range uint64(9) {
		got += fmt.Sprint(members[roundRobin(members, Pick{Key: key * 77}, rng.Die{}, &next)].Backend)
	}
	if got != "005999005" {
		t.Errorf("the turn is %s", got)
	}
}

// A weighted choice depends on the request, its attempt and the seed, and on
// nothing that came before.
func TestWeightedIsStateless(t *testing.T) {
	members := []Member{{0, 1}, {1, 1}, {2, 1}}
	pick := func(seed, key uint64, attempt uint32) int {
		next := key // no memory to depend on
		return weighted(members, Pick{Key: key, Attempt: attempt}, rng.New(seed, rng.RouteChoice, 0), &next)
	}
	var differByAttempt, differBySeed int
	for key := range uint64(300) {
		first := pick(1, key, 0)
		if pick(1, key, 0) != first {
			t.Fatalf("key %d is chosen differently the second time", key)
		}
		differByAttempt += min(1, max(first-pick(1, key, 1), pick(1, key, 1)-first))
		differBySeed += min(1, max(first-pick(2, key, 0), pick(2, key, 0)-first))
	}
	if differByAttempt < 150 || differBySeed < 150 {
		t.Errorf("of 300 choices %d differ by attempt and %d by seed, want about 200", differByAttempt, differBySeed)
	}
}

// The names of the table are the names that a file may give.
func TestTableIsComplete(t *testing.T) {
	field, _ := reflect.TypeFor[Config]().FieldByName("Policy")
	var names []string
	for _, p := range Policies {
		names = append(names, p.Name)
		if p.Help == "" {
			t.Errorf("%s has no help", p.Name)
		}
		if reflect.ValueOf(Lookup(p.Name)).Pointer() != reflect.ValueOf(p.Choose).Pointer() {
			t.Errorf("Lookup(%q) is another policy", p.Name)
		}
	}
	if enum := field.Tag.Get("enum"); enum != strings.Join(names, "|") {
		t.Errorf("the enum is %s, the table has %s", enum, strings.Join(names, "|"))
	}
	if !strings.Contains("|"+strings.Join(names, "|")+"|", "|"+field.Tag.Get("default")+"|") {
		t.Errorf("the default is none of the table")
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown name must panic: Validate has let it through")
		}
	}()
	Lookup("fastest")
}

func TestWeightOf(t *testing.T) {
	c := Config{Weights: []Weight{{"a", 3}}}
	if c.WeightOf("a") != 3 || c.WeightOf("b") != 1 {
		t.Errorf("%d %d", c.WeightOf("a"), c.WeightOf("b"))
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Groups: [][]string{{"a", "b"}, {"c"}}, Weights: []Weight{{"c", 2}}}, ""},
		{Config{}, "groups: give at least one group of backends"},
		{Config{Groups: [][]string{{"a"}, {}}}, "groups[1]: is empty"},
		{Config{Groups: [][]string{{"a"}, {"b", "a"}}}, `groups[1][1]: "a" is in the groups twice`},
		{Config{Groups: [][]string{{"a", "b"}}, Weights: []Weight{{"a", 1}, {"x", 1}}}, `weights[1].backend: "x" is in no group; the groups have a, b`},
	} {
		var told []string
		c.cfg.Validate(func(path, format string, args ...any) { told = append(told, path+": "+fmt.Sprintf(format, args...)) })
		if got := strings.Join(told, "; "); got != c.want {
			t.Errorf("%+v: %s, want %s", c.cfg, got, c.want)
		}
	}
}
