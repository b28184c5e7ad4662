package cli

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// writes keeps each write apart.
type writes struct {
	mu   sync.Mutex
	list []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, string(p))
	return len(p), nil
}

// Lines are written together after a while, at once where something is wrong, and never more than the bound is kept.
func TestLogLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(writes)
		l := &logLines{w: w}
		log := zerolog.New(l)
		want := func(what string, n int, last string) {
			t.Helper()
			synctest.Wait()
			w.mu.Lock()
			defer w.mu.Unlock()
			if len(w.list) != n || n > 0 && !strings.HasSuffix(w.list[n-1], last) {
				t.Errorf("%s: %d writes, %.200q", what, len(w.list), w.list)
			}
		}
		log.Info().Msg("one")
		log.Info().Msg("two")
		want("two lines", 0, "")
		time.Sleep(logDelay)
		want("a while later", 1, "one\"}\n{\"level\":\"info\",\"message\":\"two\"}\n")
		log.Info().Msg("three")
		log.Warn().Msg("four")
		want("a warning", 2, "three\"}\n{\"level\":\"warn\",\"message\":\"four\"}\n")
		time.Sleep(logDelay)
		want("nothing more", 2, "")
		line := []byte(strings.Repeat("x", logBytes/2) + "\n")
		l.Write(line)
		l.Write(line)
		want("as much as is kept", 3, "x\n")
		l.flush()
		want("the end", 4, "x\n")
		time.Sleep(2 * logDelay)
		want("nothing is written twice", 4, "")
	})
}
