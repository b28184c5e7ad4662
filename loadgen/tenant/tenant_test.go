package tenant

import (
	"fmt"
	"math"
	"math/rand"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/distribution"
	"foundrylab/internal/unit"
	"foundrylab/internal/yamlconf"
)

// world is what a tenant knows in these tests: four characters a token.
var world = Sizing{MinPrompt: 20, Estimate: func(n, _ int32) int32 { return n + 1 }}

func constant(n unit.Count) *distribution.Config { return &distribution.Config{Constant: &n} }

func decode(t *testing.T, text string) (Config, error) {
	t.Helper()
	doc, err := yamlconf.Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var c Config
	err = doc.Decode(&c)
	return c, err
}

func TestMaxTokensText(t *testing.T) {
	pattern := regexp.MustCompile(MaxTokens{}.Pattern())
	for _, c := range []struct {
		text string
		want MaxTokens
		back string
	}{
		{"absent", MaxTokens{}, "absent"},
		{"1", MaxTokens{Fixed: 1}, "1"},
		{"4k", MaxTokens{Fixed: 4000}, "4000"},
		{"1.5k", MaxTokens{Fixed: 1500}, "1500"},
		{"1M", MaxTokens{Fixed: 1_000_000}, "1000000"},
		{"2x output", MaxTokens{Times: 2_000_000}, "2x output"},
		{"1.25x output", MaxTokens{Times: 1_250_000}, "1.25x output"},
		{"0.001x output", MaxTokens{Times: 1000}, "0.001x output"},
		{"1000x output", MaxTokens{Times: 1_000_000_000}, "1000x output"},
	} {
		var m MaxTokens
		if err := m.UnmarshalText([]byte(c.text)); err != nil || m != c.want {
			t.Errorf("%q: %+v, %v", c.text, m, err)
		}
		back, err := m.MarshalText()
		var again MaxTokens
		if err2 := again.UnmarshalText(back); err != nil || err2 != nil || again != m {
			t.Errorf("%q is written as %q, which reads as %+v, %v", c.text, back, again, err2)
		}
		if !pattern.MatchString(c.text) || !pattern.Match(back) {
			t.Errorf("%q or %q does not match %s", c.text, back, pattern)
		}
	}
	for _, text := range []string{"", "0", "-1", "1.5", "1000001", "2M", "x output", "0x output", "0.0009x output", "1001x output", "2 output", "Absent", "1e3"} {
		var m MaxTokens
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q reads as %+v", text, m)
		}
	}
	if err := new(MaxTokens).UnmarshalText([]byte(MaxTokens{}.Example())); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"{name: a, users: 3}", ""},
		{"{name: a, users: 3, think: 2s}", ""},
		{"{name: a, users: 3, think: {exponential: {mean: 2s}}, max_tokens: 2x output, start: 1s, stop: 2s}", ""},
		{"{name: a, arrivals: {constant: {rate: 1/s}}, max_tokens: 500}", ""},
		{"{name: a}", "needs arrivals (open loop) or users (closed loop)"},
		{"{name: a, users: 3, arrivals: {constant: {rate: 1/s}}}", "users: a tenant has arrivals (open loop) or users (closed loop), not both"},
		{"{name: a, think: 2s, arrivals: {constant: {rate: 1/s}}}", "think: belongs to users (closed loop), not to arrivals"},
		{"{name: a, users: 3, start: 5s, stop: 5s}", "stop: must be after start (5s)"},
		{"{name: a, users: 3, max_tokens: lots}", `max_tokens: "lots" is not absent, a number of tokens (1 to 1M) or a multiple such as 2x output`},
		{"{name: a, users: 3, client: curl}", "client: "},
		{"{name: a, users: 4096}", "users: "},
		{"{name: a, users: 1, weight: 0}", "weight: "},
	} {
		_, err := decode(t, c.text)
		if got := fmt.Sprint(err); (err == nil) != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
}

// Every client can be named in a file, and says what it does.
func TestEveryClient(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Clients {
		c, err := decode(t, "{name: a, users: 1, client: "+k.Name+"}")
		if err != nil || seen[k.Name] || !strings.HasSuffix(k.Help, ".") {
			t.Errorf("%q: twice, without help, or not in the enum: %v", k.Name, err)
			continue
		}
		seen[k.Name] = true
		if got := Compile(&c, 1, world).Client; got.Name != k.Name {
			t.Errorf("%q compiles to %q", k.Name, got.Name)
		}
	}
	if c, err := decode(t, "{name: a, users: 1}"); err != nil || c.Client != "openai-python" {
		t.Errorf("the default is %q, %v", c.Client, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown client does not panic")
		}
	}()
	Compile(&Config{Client: "curl"}, 1, world)
}

// What the libraries do after a try that ended badly; wait 0 means less than
// the backoff's bound, checked below.
func TestRetry(t *testing.T) {
	named := func(status uint16, wait time.Duration) Answer {
		return Answer{Status: status, Wait: wait, HasWait: true}
	}
	const some = -1 // the client's own backoff
	for _, c := range []struct {
		client string
		n      uint16
		answer Answer
		wait   time.Duration
		again  bool
	}{
		{"none", 0, Answer{Status: 503}, 0, false},
		{"none", 0, named(429, time.Second), 0, false},

		{"openai-python", 0, Answer{Status: 0}, some, true},
		{"openai-python", 0, Answer{Status: 408}, some, true},
		{"openai-python", 0, Answer{Status: 409}, some, true},
		{"openai-python", 0, Answer{Status: 429}, some, true},
		{"openai-python", 0, Answer{Status: 500}, some, true},
		{"openai-python", 1, Answer{Status: 599}, some, true},
		{"openai-python", 2, Answer{Status: 503}, 0, false},
		{"openai-python", 2, named(429, time.Second), 0, false},
		{"openai-python", 0, Answer{Status: 400}, 0, false},
		{"openai-python", 0, Answer{Status: 404}, 0, false},
		{"openai-python", 0, named(403, time.Second), 0, false},
		{"openai-python", 0, Answer{Status: 499}, 0, false},
		{"openai-python", 0, Answer{Status: 200, Begun: true}, 0, false},
		{"openai-python", 0, Answer{Status: 0, Begun: true}, 0, false},
		{"openai-python", 0, named(429, time.Millisecond), time.Millisecond, true},
		{"openai-python", 0, named(429, 120*time.Second), 120 * time.Second, true},
		{"openai-python", 0, named(429, 120*time.Second+1), 0, false},
		{"openai-python", 0, named(503, 24*time.Hour), 0, false},
		{"openai-python", 0, named(429, 0), some, true},
		{"openai-python", 1, named(429, -time.Second), some, true},

		{"openai-go", 0, named(429, time.Second), time.Second, true},
		{"openai-go", 1, named(429, 8*time.Second), 8 * time.Second, true},
		{"openai-go", 1, named(429, 8*time.Second+1), 8 * time.Second, true},
		{"openai-go", 1, named(503, 24*time.Hour), 8 * time.Second, true},
		{"openai-go", 2, named(429, time.Second), 0, false},
		{"openai-go", 0, Answer{Status: 500}, some, true},
		{"openai-go", 0, Answer{Status: 200, Begun: true}, 0, false},
	} {
		ten := Compile(&Config{Name: "a", Client: c.client}, 1, world)
		wait, again := ten.Retry(5, c.n, c.answer)
		if c.wait == some {
			most := 500 * time.Millisecond << c.n
			if wait < most*3/4 || wait > most {
				t.Errorf("%s, try %d, %+v: a backoff of %v, want %v less up to a quarter", c.client, c.n, c.answer, wait, most)
			}
			c.wait = wait
		}
		if wait != c.wait || again != c.again {
			t.Errorf("%s, try %d, %+v: %v %v, want %v %v", c.client, c.n, c.answer, wait, again, c.wait, c.again)
		}
	}
}

// The backoff doubles from half a second to eight, less up to a quarter, all of
// it alike; it is drawn anew for each request and try.
func TestBackoffRange(t *testing.T) {
	ten := Compile(&Config{Name: "a", Client: "openai-python"}, 1, world)
	ten.Client.Retries = 10
	for n := range uint16(10) {
		most := min(500*time.Millisecond<<n, 8*time.Second)
		var least, greatest, sum time.Duration = math.MaxInt64, 0, 0
		const draws = 2000
		for key := range uint64(draws) {
			wait, _ := ten.Retry(key, n, Answer{Status: 500})
			least, greatest, sum = min(least, wait), max(greatest, wait), sum+wait
		}
		if least < most*3/4 || least > most*76/100 || greatest > most || greatest < most*99/100 {
			t.Errorf("try %d: %v to %v, want %v to %v", n, least, greatest, most*3/4, most)
		}
		if mean := sum / draws; mean < most*87/100 || mean > most*88/100 {
			t.Errorf("try %d: %v on average, want %v", n, mean, most*7/8)
		}
	}
	a, _ := ten.Retry(1, 5, Answer{})
	b, _ := ten.Retry(1, 6, Answer{})
	if a == b {
		t.Error("two tries draw the same backoff")
	}
}

func TestWish(t *testing.T) {
	for _, c := range []struct {
		name           string
		maxTokens      MaxTokens
		prompt, output int32 // from a trace; -1: drawn
		weight         int64
		want           Wish
		received       int32
	}{
		{"drawn", MaxTokens{}, -1, -1, 0, Wish{300, 50, -1, 301}, 50},
		{"from a trace", MaxTokens{}, 1000, 10, 0, Wish{1000, 10, -1, 1001}, 10},
		{"a trace below the least", MaxTokens{}, 3, 0, 0, Wish{20, 1, -1, 21}, 1},
		{"fixed above", MaxTokens{Fixed: 400}, -1, -1, 0, Wish{300, 50, 400, 701}, 50},
		{"fixed below", MaxTokens{Fixed: 40}, -1, -1, 0, Wish{300, 50, 40, 341}, 40},
		{"double", MaxTokens{Times: 2_000_000}, -1, -1, 0, Wish{300, 50, 100, 401}, 50},
		{"half", MaxTokens{Times: 500_000}, -1, -1, 0, Wish{300, 50, 25, 326}, 25},
		{"never none", MaxTokens{Times: 1000}, -1, -1, 0, Wish{300, 50, 1, 302}, 1},
		{"provisioned", MaxTokens{}, -1, -1, 4, Wish{300, 50, -1, 500}, 50},
		{"provisioned and cut", MaxTokens{Fixed: 40}, -1, -1, 8, Wish{300, 50, 40, 620}, 40},
		{"of all sizes the greatest", MaxTokens{Times: 1_000_000_000}, 2_000_000, 2_000_000, 0, Wish{2_000_000, 2_000_000, 2_000_000_000, 2_002_000_001}, 2_000_000},
	} {
		s := world
		s.OutputWeight = c.weight
		ten := Compile(&Config{Name: "a", Client: "none", Prompt: constant(300), Output: constant(50), MaxTokens: c.maxTokens}, 1, s)
		if got := ten.Wish(7, c.prompt, c.output); got != c.want || got.Received() != c.received {
			t.Errorf("%s: %+v, of which %d are received; want %+v and %d", c.name, got, got.Received(), c.want, c.received)
		}
	}
	// What is drawn is bounded, above and below.
	huge := Compile(&Config{Name: "a", Client: "none", Prompt: constant(5_000_000_000), Output: constant(5_000_000_000)}, 1, world)
	if w := huge.Wish(1, -1, -1); w.Prompt != maxTokens || w.Output != maxTokens {
		t.Errorf("%+v", w)
	}
	tiny := Compile(&Config{Name: "a", Client: "none", Prompt: constant(0), Output: constant(0)}, 1, world)
	if w := tiny.Wish(1, -1, -1); w.Prompt != 20 || w.Output != 1 {
		t.Errorf("%+v", w)
	}
}

// Without distributions of its own a tenant has those that the fields' help
// names.
func TestDefaults(t *testing.T) {
	ten := Compile(&Config{Name: "a", Client: "none"}, 1, world)
	var prompt, output []int32
	var pause float64
	const n = 20_000
	both := 0
	for key := range uint64(n) {
		w := ten.Wish(key, -1, -1)
		if w.Prompt > 1000 && w.Output > 180 {
			both++
		}
		prompt, output = append(prompt, w.Prompt), append(output, w.Output)
		pause += ten.Pause(key).Seconds() / n
	}
	for _, c := range []struct {
		name     string
		values   []int32
		p50, p95 float64
	}{{"prompt", prompt, 1000, 3500}, {"output", output, 180, 700}} {
		slices.Sort(c.values)
		p50, p95 := float64(c.values[n/2]), float64(c.values[n*95/100])
		if math.Abs(p50/c.p50-1) > 0.03 || math.Abs(p95/c.p95-1) > 0.04 {
			t.Errorf("%s: p50 %v p95 %v, want %v %v", c.name, p50, p95, c.p50, c.p95)
		}
	}
	if both < n/4-300 || both > n/4+300 {
		t.Errorf("%d of %d are above the median in both: the lengths depend on each other", both, n)
	}
	if math.Abs(pause-2) > 0.05 {
		t.Errorf("thinks %v s on average, want 2", pause)
	}
	two := unit.Duration(2 * time.Second)
	fixed := Compile(&Config{Name: "a", Client: "none", Think: &Think{Constant: &two}}, 1, world)
	mean := Compile(&Config{Name: "a", Client: "none", Think: &Think{Exponential: &MeanThink{Mean: two}}}, 1, world)
	if fixed.Pause(1) != 2*time.Second || fixed.Pause(2) != 2*time.Second || mean.Pause(1) != ten.Pause(1) || mean.Pause(1) == mean.Pause(2) {
		t.Error("think times are not what was configured")
	}
}

// A draw is named by seed, tenant and request, and by what it decides; nothing
// else, so that another's presence changes nothing.
func TestDrawsAreKeyed(t *testing.T) {
	draw := func(seed uint64, name string, key uint64) [4]int64 {
		ten := Compile(&Config{Name: name, Client: "openai-go"}, seed, world)
		w := ten.Wish(key, -1, -1)
		wait, _ := ten.Retry(key, 0, Answer{})
		return [4]int64{int64(w.Prompt), int64(w.Output), int64(ten.Pause(key)), int64(wait)}
	}
	dice := rand.New(rand.NewSource(1))
	differ := [3]int{}
	const n = 200
	for range n {
		seed, key := dice.Uint64(), dice.Uint64()
		base := draw(seed, "a", key)
		if base != draw(seed, "a", key) {
			t.Fatal("the same draw differs")
		}
		for i, other := range [][4]int64{draw(seed+1, "a", key), draw(seed, "b", key), draw(seed, "a", key+1)} {
			if other[0] != base[0] && other[1] != base[1] && other[2] != base[2] && other[3] != base[3] {
				differ[i]++
			}
		}
	}
	for i, n := range differ {
		if n < 190 {
			t.Errorf("another %s draws alike in %d of 200", []string{"seed", "tenant", "request"}[i], 200-n)
		}
	}
}

// Keys of different tenants differ in the high half, and leave the low one to
// the requests.
func TestKeyBase(t *testing.T) {
	seen := map[uint64]string{}
	for i := range 2000 {
		name := fmt.Sprint("tenant-", i)
		base := KeyBase(name)
		if base&0xffffffff != 0 || seen[base] != "" || Compile(&Config{Name: name, Client: "none"}, 1, world).KeyBase != base {
			t.Fatalf("%s: %x, which is also %q's", name, base, seen[base])
		}
		seen[base] = name
	}
}
