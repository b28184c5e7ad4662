package simulator

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/internal/tick"
	"foundrylab/internal/tokens"
	"foundrylab/simulator/deployment"
)

// words is text that has about a token each word, and that begins as the seed says.
func words(seed int64, n int) string {
	dice := rand.New(rand.NewSource(seed))
	list := strings.Fields("data time work part line team plan case cost note page rate role rule step task test text unit view")
	var b strings.Builder
	for range n {
		b.WriteString(" " + list[dice.Intn(len(list))])
	}
	return b.String()
}

// body is a chat request of somebody who knows no markers: system, user, assistant, user and so on.
func body(more string, texts ...string) string {
	roles := []string{"system", "user", "assistant", "user"}
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = fmt.Sprintf(`{"role":%q,"content":%q}`, roles[i], text)
	}
	return `{"messages":[` + strings.Join(all, ",") + `],"max_tokens":1` + more + `}`
}

// What other prompts began with is found by comparing.
func TestRealPromptsAreCompared(t *testing.T) {
	system, ask, answer := words(1, 1500), words(2, 700), words(3, 300)
	tests := []struct {
		name, body string
		after      time.Duration
		want       string // of the cached tokens
	}{
		{"the first", body("", system, ask), 0, "0"},
		{"the same again", body("", system, ask), 0, "2048"},
		{"another user", body("", system, words(4, 700)), 0, "1408"},
		{"the conversation goes on", body("", system, ask, answer, "And then?"), 0, "2048"},
		{"and on", body("", system, ask, answer, "And now?"), 0, "2432"},
		{"too little of it", body("", words(1, 900), ask), 0, "0"},
		{"another role", strings.Replace(body("", system, ask), "system", "developer", 1), 0, "0"},
		{"under another key", body(`,"prompt_cache_key":"b"`, system, ask), 0, "0"},
		{"under that key again", body(`,"prompt_cache_key":"b"`, system, ask), 0, "2048"},
		{"another machine and a short question", body("", "Be kind.", "Hi"), 0, "0"},
		{"long after", body("", system, ask), 6 * time.Minute, "0"},
		{"and soon after that", body("", system, ask), 4 * time.Minute, "2048"},
	}
	inLab(t, Config{Deployments: []deployment.Config{swift("a"), swift("b")}}, func(l *lab) {
		for _, tt := range tests {
			time.Sleep(tt.after)
			_, got := l.post("a", tt.body)
			if _, after, _ := strings.Cut(got, `"cached_tokens":`); !strings.HasPrefix(after, tt.want+"}") {
				t.Errorf("%s: %.8s tokens are cached, want %s", tt.name, after, tt.want)
			}
		}
		if _, got := l.post("b", body("", system, ask)); !strings.Contains(got, `"cached_tokens":0}`) {
			t.Error("two deployments share a cache")
		}
		for i, want := range []int64{0, 2048, 1408} {
			if a := l.ledger()[i]; a.CachedTokens != want {
				t.Errorf("the ledger has %d cached tokens, want %d", a.CachedTokens, want)
			}
		}
	})
}

// A generated prompt names what it shares, and the stream's usage shows it.
func TestGeneratedPrefixIsBelieved(t *testing.T) {
	system := string(ops.AppendPrefixMarker(nil, ops.PrefixMarker{Name: 5, Tokens: 1300}))
	generated := func(key uint64) string {
		user := ops.AppendMarker(nil, ops.Marker{Key: key, Output: 3, Prompt: 1500, Chars: ops.MarkerChars + ops.PrefixMarkerChars})
		return body(streamed, system, string(user))
	}
	inLab(t, Config{Deployments: []deployment.Config{swift("a")}}, func(l *lab) {
		for key, want := range []string{"0", "1280", "1280"} {
			if _, got := l.post("a", generated(uint64(key))); !strings.Contains(got, `"cached_tokens":`+want+`}`) {
				t.Errorf("request %d: want %s cached tokens in %.3000s", key, want, got)
			}
		}
	})
}

// A deployment that was deleted and created anew has seen nothing of what came before, whether the fault was planned to
// end or was ended by the control plane.
func TestDeletedForgetsPrompts(t *testing.T) {
	for _, end := range []string{"planned", "called off"} {
		inLab(t, Config{Deployments: []deployment.Config{swift("a")}}, func(l *lab) {
			system, ask1, ask2 := words(1, 1500), words(2, 700), words(3, 700)
			for _, want := range []string{"0", "2048"} {
				if _, got := l.post("a", body("", system, ask1)); !strings.Contains(got, `"cached_tokens":`+want+`}`) {
					t.Errorf("want %s cached tokens in %.300s", want, got)
				}
			}
			ask(l.Server, "PUT", "/faults/gone", `{"backend":"a","for":"20s","deleted":{}}`)
			if resp, _ := l.post("a", body("", system, ask1)); resp.StatusCode != 404 {
				t.Errorf("status %d of what is deleted", resp.StatusCode)
			}
			if end == "planned" {
				time.Sleep(20 * time.Second)
			} else {
				ask(l.Server, "DELETE", "/faults/gone", "")
			}
			for i, b := range []string{body("", system, ask2), body("", system, ask1), body("", system, ask1)} {
				if _, got := l.post("a", b); !strings.Contains(got, `"cached_tokens":`+[]string{"0", "1408", "2048"}[i]+`}`) {
					t.Errorf("%s, request %d: %.600s", end, i, got)
				}
			}
		})
	}
}

// What is refused teaches nobody anything; where it spills over, it counts as the second deployment knows it.
func TestRefusedPromptIsNotSeen(t *testing.T) {
	cfg := spilling(nil, ends("p", 500))
	inLab(t, cfg, func(l *lab) {
		for _, want := range []string{"0", "1408"} {
			if _, got := l.post("p", body("", words(1, 1500))); !strings.Contains(got, `"cached_tokens":`+want+`}`) {
				t.Errorf("want %s cached tokens in %.300s", want, got)
			}
		}
		synctest.Wait()
		if l.backends[0].sights.rows != nil {
			t.Error("the deployment that refused has seen the prompt")
		}
	})
}

// However long and many the prompts are, the table stays as large as it is, and what does not fit is only new again.
func TestSightsAreBounded(t *testing.T) {
	var s sights
	b := blocks{bytes: 4 * seenBlocks * blockSize}
	for h := range uint64(4 * seenBlocks) {
		b.hashes = append(b.hashes, h+1)
	}
	s.add(1, &b)
	if len(s.rows) != seenBlocks {
		t.Errorf("%d rows", len(s.rows))
	}
	short := blocks{hashes: b.hashes[len(b.hashes)-3:], bytes: 4 * blockSize}
	if got := s.shared(2, time.Second, &short, 800); got != 600 {
		t.Errorf("%d tokens of the last three blocks of four are known, want 600", got)
	}
	if got := s.shared(tick.Instant(time.Hour), time.Second, &short, 800); got != 0 {
		t.Errorf("%d tokens are known after an hour", got)
	}
}

// Blocks end at every 512 bytes of the whole text, wherever messages end.
func TestBlocks(t *testing.T) {
	text := words(1, 2000)
	for _, cut := range []int{0, 1, 511, 512, 513, 5000} {
		b := blocksOf([]ops.Message{{Role: "user", Text: text[:cut]}, {Role: "user", Text: text[cut:]}})
		if len(b.hashes) != len(text)/blockSize || b.bytes != len(text) {
			t.Errorf("cut at %d: %d blocks of %d bytes", cut, len(b.hashes), b.bytes)
		}
	}
	one, other := blocksOf([]ops.Message{{Role: "user", Text: text}}), blocksOf([]ops.Message{{Role: "user", Text: text[:1600] + "X" + text[1601:]}})
	for i := range one.hashes {
		if same := one.hashes[i] == other.hashes[i]; same != (i < 3) {
			t.Errorf("block %d is the same: %v", i, same)
		}
	}
	counter, err := tokens.NewBPE(tokens.O200K)
	if err != nil {
		t.Fatal(err)
	}
	if perBlock := float64(counter.Count(text)) / float64(len(one.hashes)); perBlock < 90 || perBlock > 160 {
		t.Errorf("%.0f tokens a block, want about 128", perBlock)
	}
}
