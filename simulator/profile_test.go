package simulator

import (
	"io"
	"slices"
	"strings"
	"testing"

	"foundrylab/simulator/deployment"
)

// What answers say of limits, by the year whose evidence a deployment follows.
func TestProfilesOnTheWire(t *testing.T) {
	for _, c := range []struct {
		profile, window   string
		admitted, refused string // the headers about limits
		code              string
	}{
		{"azure-2024", "", "remaining-requests=0 remaining-tokens=299974", "remaining-requests=0 remaining-tokens=299974 retry-after=10", `"code":"429"`},
		{"azure-2025", "", "limit-requests=6 limit-tokens=300000 remaining-requests=5 remaining-tokens=299974",
			"limit-requests=6 limit-tokens=300000 remaining-requests=5 remaining-tokens=299974 retry-after=10", `"code":"RateLimitReached"`},
		{"azure-2026", "", "limit-requests=6 limit-tokens=300000 remaining-requests=5 remaining-tokens=299974 reset-requests=60 reset-tokens=60",
			"limit-requests=6 limit-tokens=300000 remaining-requests=4 remaining-tokens=299974 reset-requests=60 reset-tokens=60 retry-after-ms=10000 retry-after=10", `"code":"RateLimitReached"`},
		{"azure-2026", "sliding", "limit-requests=6 limit-tokens=300000 remaining-requests=5 remaining-tokens=299974 reset-requests=60 reset-tokens=60",
			"limit-requests=6 limit-tokens=300000 remaining-requests=4 remaining-tokens=299974 reset-requests=60 reset-tokens=60 retry-after-ms=10000 retry-after=10", `"code":"RateLimitReached"`},
	} {
		d := standard("calls")
		d.RPM, d.Profile, d.Window = 6, c.profile, c.window
		inLab(t, Config{Deployments: []deployment.Config{d}}, func(l *lab) {
			for i, want := range []string{c.admitted, c.refused} {
				resp, err := l.send(l.Context(), "calls", `{"messages":[{"role":"user","content":"Say hello to the world."}],"max_tokens":20}`)
				if err != nil {
					l.Fatal(err)
				}
				body, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				var told []string
				for name, v := range resp.Header {
					name = strings.ToLower(name)
					if strings.HasPrefix(name, "x-ratelimit-") || strings.HasPrefix(name, "retry-after") {
						told = append(told, strings.TrimPrefix(name, "x-ratelimit-")+"="+v[0])
					}
				}
				slices.Sort(told)
				if got := strings.Join(told, " "); got != want {
					l.Errorf("%s %s: %s\nwant %s", c.profile, c.window, got, want)
				}
				if i == 1 && !strings.Contains(string(body), c.code) {
					l.Errorf("%s: %s, want %s", c.profile, body, c.code)
				}
			}
		})
	}
}
