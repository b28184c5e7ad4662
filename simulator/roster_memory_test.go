package simulator

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"foundrylab/internal/drive"
)

// A deployment that has appeared on its first use takes what was asked of it, and no table for all that may be.
func TestDeploymentsThatAppearAreSmall(t *testing.T) {
	const names, most = 200, 32 << 10
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Deployments: everyModel(), OnFirstUse: names + 1, Clock: drive.NewClock(epoch)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ask := func(name string) {
			r := httptest.NewRequest("POST", "/openai/v1/chat/completions", strings.NewReader(fmt.Sprintf(`{"model":"%s","messages":[{"role":"user","content":"hello"}],"max_tokens":1}`, name)))
			r.Header.Set("Api-Key", "foundrylab-key")
			w := httptest.NewRecorder()
			if s.ServeHTTP(w, r); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		ask("first") // what is kept for all: tables, vocabularies
		before := heap()
		for i := range names {
			ask(fmt.Sprintf("name-%d", i))
		}
		each := (heap() - before) / names
		t.Logf("%d bytes each", each)
		if each > most {
			t.Errorf("a deployment takes %d bytes, the bound is %d", each, most)
		}
	})
}
