package simulator

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
)

// spilling is a resource whose provisioned deployment p spills over to s, where it has not been told to do otherwise;
// w could take it too. Faults answer with a status, 0 for a reset.
func spilling(change func(p *deployment.Config), faults ...fault.Config) Config {
	p := deployment.Config{Name: "p", Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", PTU: 15, Spillover: "s"}
	regional := swift("regional")
	regional.SKU = "Standard"
	if change != nil {
		change(&p)
	}
	return Config{Deployments: []deployment.Config{p, swift("s"), swift("w"), regional}, Faults: faults}
}

func ends(backend string, status int) fault.Config {
	f := outage(backend, 0, time.Hour)
	f.Name = backend
	if status > 0 {
		f.Outage, f.Status = nil, &fault.Status{Code: status}
	}
	return f
}

// spillHeaders writes a response as status, who answered, for whom, and the other one's error.
func spillHeaders(resp *http.Response) string {
	h := resp.Header
	return strings.Join([]string{strconv.Itoa(resp.StatusCode), h.Get("x-ms-deployment-name"), h.Get("x-ms-spillover-from-deployment"), h.Get("x-ms-spillover-error")}, "|")
}

func TestSpillover(t *testing.T) {
	target := func(p *deployment.Config) { p.SpilloverError = "target" }
	none := func(p *deployment.Config) { p.Spillover = "" }
	tests := []struct {
		name   string
		change func(*deployment.Config)
		p, s   int    // statuses of faults; 0: a reset, -1: none
		header string // x-ms-spillover-deployment
		want   string // empty: reset
		ledger string
	}{
		{"not needed", nil, -1, -1, "", "200|p||", "p:200"},
		{"400", nil, 400, -1, "", "200|s|p|", "p:400 s:200"},
		{"429", nil, 429, -1, "", "200|s|p|", "p:429 s:200"},
		{"500", nil, 500, -1, "", "200|s|p|", "p:500 s:200"},
		{"503", nil, 503, -1, "", "200|s|p|", "p:503 s:200"},
		{"no other status", nil, 502, -1, "w", "502|p||", "p:502"},
		{"no outage", nil, 0, -1, "w", "", "p:0"},
		{"no outage of both", nil, 0, 0, "", "", "p:0"},

		{"both refuse", nil, 429, 500, "", "429|p||500", "p:429 s:500"},
		{"both refuse, the target answers", target, 429, 500, "", "500|s|p|429", "p:429 s:500"},
		{"the target is down", nil, 429, 0, "", "429|p||503", "p:429 s:0"},
		{"the target is down, and answers so", target, 429, 0, "", "", "p:429 s:0"},
		{"the target serves, whichever reading", target, 429, -1, "", "200|s|p|", "p:429 s:200"},

		{"by header", none, 429, -1, "w", "200|w|p|", "p:429 w:200"},
		{"the deployment's own goes first", nil, 429, -1, "w", "200|s|p|", "p:429 s:200"},
		{"nowhere", none, 429, -1, "", "429|p||", "p:429"},
		{"a header without a deployment", none, 429, -1, "x", "429|p||", "p:429"},
		{"a header of another level", none, 429, -1, "regional", "429|p||", "p:429"},
		{"a header of itself", none, 429, -1, "p", "429|p||", "p:429"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var faults []fault.Config
			if tt.p >= 0 {
				faults = append(faults, ends("p", tt.p))
			}
			if tt.s >= 0 {
				faults = append(faults, ends("s", tt.s))
			}
			for _, more := range []string{"", streamed} {
				inLab(t, spilling(tt.change, faults...), func(l *lab) {
					resp, err := l.do(l.Context(), "POST", "/openai/deployments/p/chat/completions?api-version=2024-10-21", marked(7, 5, more),
						"Api-Key", "foundrylab-key", "X-Ms-Spillover-Deployment", tt.header)
					got := ""
					if err == nil {
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
						got = spillHeaders(resp)
					}
					if got != tt.want {
						t.Errorf("%q, want %q (%v)", got, tt.want, err)
					}
					if got := l.led(); got != tt.ledger {
						t.Errorf("ledger %s, want %s", got, tt.ledger)
					}
				})
			}
		})
	}
}

// led writes the ledger as deployments and statuses.
func (l *lab) led() string {
	var all []string
	for _, a := range l.ledger() {
		all = append(all, l.backends[a.Backend].cfg.Name+":"+strconv.Itoa(int(a.Status)))
		if a.Key != 7 {
			l.Errorf("an attempt of another request: %+v", a)
		}
	}
	return strings.Join(all, " ")
}

// A full bucket spills over by itself: 15 PTU hold 7,500 input tokens, and the answer in flight is estimated at more.
func TestSpilloverOfAFullBucket(t *testing.T) {
	inLab(t, spilling(nil), func(l *lab) {
		first, err := l.send(l.Context(), "p", marked(7, 50, streamed+`,"max_tokens":4000`))
		if err != nil {
			t.Fatal(err)
		}
		second, _ := l.post("p", marked(7, 5, ""))
		if got := spillHeaders(second); got != "200|s|p|" {
			t.Errorf("the second answer is %s", got)
		}
		if a := l.ledger(); len(a) != 2 || a[0].Reason != record.Utilization || a[0].Charged != 0 || a[1].Backend != 1 {
			t.Errorf("attempts %+v", a)
		}
		if _, err := l.chunks(first.Body); err != nil {
			t.Error(err)
		}
	})
}

// What comes back has the headers of the deployment that served, none of the other's, and began as the other refused.
func TestSpilloverHeadersAreTheServers(t *testing.T) {
	inLab(t, spilling(nil, ends("p", 429)), func(l *lab) {
		resp, _ := l.post("p", marked(7, 5, ""))
		h := resp.Header
		if h.Get("azure-openai-deployment-utilization") != "" || h.Get("x-ratelimit-remaining-tokens") == "" || h.Get("retry-after") != "" {
			t.Errorf("headers %v", h)
		}
		if a := l.ledger(); len(a) != 2 || a[0].End != a[1].Start {
			t.Errorf("attempts %+v", a)
		}
	})
}

// A fault that a request asks for strikes where it was sent to, and not again behind that.
func TestSpilloverOfAnAskedFault(t *testing.T) {
	inLab(t, spilling(nil), func(l *lab) {
		resp, _ := l.post("p!status=429", marked(7, 5, ""))
		if got := spillHeaders(resp); got != "200|s|p|" {
			t.Error(got)
		}
	})
}

func TestSpilloverMistakes(t *testing.T) {
	cfg := spilling(func(p *deployment.Config) { p.Spillover = "regional" })
	cfg.Deployments[1].Spillover = "w"
	cfg.Deployments = append(cfg.Deployments, cfg.Deployments[0], cfg.Deployments[0])
	cfg.Deployments[3].Version = "1"
	cfg.Deployments[4].Name, cfg.Deployments[4].Spillover = "q", "x"
	cfg.Deployments[5].Name, cfg.Deployments[5].Spillover = "r", "r"
	_, err := New(cfg)
	const want = `deployments[0].spillover: GlobalProvisionedManaged spills over to GlobalStandard, but "regional" is Standard
deployments[0].spillover: "regional" serves gpt-4.1 1, not gpt-4.1 2025-04-14
deployments[1].spillover: only a provisioned deployment spills over, and "s" is GlobalStandard
deployments[4].spillover: there is no deployment "x"
deployments[5].spillover: GlobalProvisionedManaged spills over to GlobalStandard, but "r" is GlobalProvisionedManaged`
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	if _, err = New(spilling(func(p *deployment.Config) { p.SpilloverError = "both" })); err == nil || !strings.Contains(err.Error(), "deployments[0].spillover_error: ") {
		t.Errorf("spillover_error: both is taken: %v", err)
	}
}
