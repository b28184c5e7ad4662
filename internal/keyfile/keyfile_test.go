package keyfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Many at once: one content wins, whole, and everybody has it, now and later.
func TestOneContentWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "er", "key.pem")
	var wg sync.WaitGroup
	got := make([][]byte, 16)
	for i := range got {
		wg.Go(func() {
			var err error
			got[i], err = Keep(path, func() ([]byte, error) { return bytes.Repeat(fmt.Appendf(nil, "%02d", i), 500), nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	later, err := Keep(path, func() ([]byte, error) { t.Error("made again"); return nil, nil })
	if err != nil || len(later) != 1000 {
		t.Fatalf("%d bytes, %v", len(later), err)
	}
	for i, content := range got {
		if !bytes.Equal(content, later) {
			t.Errorf("caller %d has %.10s, the file %.10s", i, content, later)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWhatIsNoKeyFile(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, large, filepath.Join(large, "below")} {
		if content, err := Keep(path, func() ([]byte, error) { return nil, nil }); err == nil {
			t.Errorf("%s: %d bytes, want an error", path, len(content))
		}
	}
}
