package live

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

// Headers that are too large are 431, those that SDKs send are not.
func TestLargeHeaders(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	urls, ended := make(chan string), make(chan error)
	go func() {
		ended <- Serve(ctx, []Served{{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })}},
			func(all []string) { urls <- all[0] })
	}()
	url := <-urls
	for size, want := range map[int]int{1 << 10: 204, 32 << 10: 204, 100 << 10: 431} {
		r, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		r.Header.Set("X-Large", strings.Repeat("a", size))
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a header of %d bytes: %d, want %d", size, resp.StatusCode, want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
