package render_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/reports/render"
	"foundrylab/reports/reporttest"
)

// A browser runs the page: every chart is drawn with its two bands (warm-up
// and fault), no script fails, no name is
// taken for markup.
func TestPageInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT TESTED under -short: whether the page's charts are drawn.")
	}
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("NOT TESTED: whether the page's charts are drawn. No chromium or google-chrome is on PATH; install one to test it.")
	}
	sparse := reporttest.Result(10000)
	sparse.Timeline.Backends = nil
	sparse.Timeline.Tenants[1].TTFTP50 = nil
	for _, c := range []struct {
		name   string
		r      *record.Result
		charts int
	}{
		{"fail", reporttest.Result(1000), 11},
		{"hostile", reporttest.Hostile(1000, `</script><img src=x onerror="document.body.dataset.x='pw'+'ned'">`), 11},
		{"sparse", sparse, 8}, // a tenant without first tokens has no TTFT chart
		{"empty", &record.Result{Verdict: "void"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dom := dumpDOM(t, browser, c.r)
			for _, want := range []string{`data-drawn="2"`, "<canvas", `class="u-legend`} {
				if n := strings.Count(dom, want); n != c.charts {
					t.Errorf("%d times %s, want %d", n, want, c.charts)
				}
			}
			if i := strings.Index(dom, `<p class="error">`); i >= 0 {
				t.Errorf("the script failed: %.300s", dom[i:])
			}
			if strings.Contains(dom, "pwned") {
				t.Error("a name was run as a script")
			}
		})
	}
}

// dumpDOM returns the document as it is after its scripts ran.
func dumpDOM(t *testing.T, browser string, r *record.Result) string {
	t.Helper()
	page, err := render.HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "report.html")
	if err := os.WriteFile(path, page, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-dev-shm-usage", "--user-data-dir="+filepath.Join(dir, "profile"),
		"--window-size=1280,2000", "--virtual-time-budget=5000", "--dump-dom", "file://"+path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w\n%s", browser, err, stderr.String()))
	}
	// The data and the program are in the document too; only what they made counts.
	dom := assets.ReplaceAllString(string(out), "")
	return dataElement.ReplaceAllString(dom, "")
}
