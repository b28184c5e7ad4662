package aoai

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"foundrylab/simulator"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/latency"
)

// Plane is a Server with the control path of the other simulator before it: GET and PATCH of /++/config. It is a
// http.Handler, safe for concurrent use once it has its Server.
type Plane struct {
	server *simulator.Server
	key    string

	changing sync.Mutex // one change at a time
	settings atomic.Pointer[Settings]
}

// undefined is how many deployments may appear where undefined ones are allowed.
const undefined = 200

// New returns a Plane without a Server: Configure what it is made from, then call Front.
func New(settings Settings) *Plane {
	p := new(Plane)
	p.settings.Store(&settings)
	return p
}

// Configure gives a simulator's configuration what the settings say: pace and key of its deployments, and whether others
// may appear. A key that was given is asked for.
func (p *Plane) Configure(cfg *simulator.Config) {
	s := p.settings.Load()
	for i := range cfg.Deployments {
		cfg.Deployments[i].Latency = s.Latency.Of(cfg.Deployments[i].Model)
		if s.Key != "" {
			cfg.Deployments[i].Key, cfg.Deployments[i].Key2 = s.Key, ""
		}
	}
	cfg.Auth.Strict = cfg.Auth.Strict || s.Key != "" // who has set a key has it asked for
	cfg.OnFirstUse = s.mayAppear()
	cfg.Appearing = func(d *deployment.Config) { d.Latency = p.settings.Load().Latency.Of(d.Model) }
}

func (s *Settings) mayAppear() int {
	if s.AllowUndefined {
		return undefined
	}
	return 0
}

// Front puts the Plane before a Server whose deployments have one key.
func (p *Plane) Front(server *simulator.Server) *Plane {
	p.server, p.key = server, server.Deployments()[0].Key
	return p
}

var slashes = regexp.MustCompile("//+")

// ServeHTTP implements http.Handler.
func (p *Plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "//") {
		clean := *r
		url := *r.URL
		url.Path, url.RawPath = slashes.ReplaceAllString(url.Path, "/"), ""
		clean.URL = &url
		r = &clean
	}
	switch {
	case r.URL.Path == "/" && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]string{"message": "👋 foundrylab answers as aoai-api-simulator does"})
	case r.URL.Path != "/++/config" && r.URL.Path != "/++/save-recordings":
		p.server.ServeHTTP(w, r)
	case subtle.ConstantTimeCompare([]byte(r.Header.Get("Api-Key")), []byte(p.key)) != 1:
		answer(w, http.StatusUnauthorized, detail("Missing or incorrect API Key"))
	case r.URL.Path == "/++/save-recordings":
		answer(w, http.StatusBadRequest, detail("there are no recordings: this simulator only generates"))
	case r.Method == http.MethodGet:
		answer(w, http.StatusOK, p.shown())
	case r.Method == http.MethodPatch:
		p.patch(w, r)
	default:
		answer(w, http.StatusMethodNotAllowed, detail("Method Not Allowed"))
	}
}

func detail(text string) map[string]string { return map[string]string{"detail": text} }

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.Encode(body) // a failure means that the client is gone
}

// shownConfig is what GET shows.
type shownConfig struct {
	Mode           string                     `json:"simulator_mode"`
	Latency        Latency                    `json:"latency"`
	Deployments    map[string]shownDeployment `json:"openai_deployments"`
	AllowUndefined bool                       `json:"allow_undefined_openai_deployments"`
}

type shownDeployment struct {
	TokensPerMinute int64      `json:"tokens_per_minute"`
	Model           shownModel `json:"model"`
}

type shownModel struct {
	Name string `json:"name"`
}

// shown is the present configuration.
func (p *Plane) shown() shownConfig {
	now := p.settings.Load()
	s := shownConfig{"generate", now.Latency, map[string]shownDeployment{}, now.AllowUndefined}
	for _, d := range p.server.Deployments() {
		s.Deployments[d.Name] = shownDeployment{d.TokensPerMinute(), shownModel{d.Model}}
	}
	return s
}

// maxPatch bounds the body of a change, in bytes.
const maxPatch = 64 << 10

// patch changes what the body names, all of it or nothing.
func (p *Plane) patch(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPatch))
	p.changing.Lock()
	defer p.changing.Unlock()
	next := *p.settings.Load()
	asked := struct {
		Mode           *string  `json:"simulator_mode"`
		AllowUndefined *bool    `json:"allow_undefined_openai_deployments"`
		Latency        *Latency `json:"latency"`
	}{AllowUndefined: &next.AllowUndefined, Latency: &next.Latency} // what is not named stays
	if err == nil {
		err = strictly(body, &asked)
	}
	var mistakes []string
	if err != nil {
		mistakes = append(mistakes, err.Error())
	}
	if m := asked.Mode; m != nil && *m != "generate" {
		mistakes = append(mistakes, fmt.Sprintf("simulator_mode: %q is not there: only generate is", *m))
	}
	for _, l := range next.Latency.named() {
		for _, m := range l.mistakes() {
			mistakes = append(mistakes, "latency."+l.member+": "+m)
		}
	}
	if len(mistakes) > 0 {
		answer(w, http.StatusUnprocessableEntity, detail(strings.Join(mistakes, "; ")))
		return
	}
	if err := p.apply(&next); err != nil {
		answer(w, http.StatusConflict, detail(err.Error()))
		return
	}
	answer(w, http.StatusOK, p.shown())
}

// apply brings settings into force, or leaves all as it is; with changing.
func (p *Plane) apply(next *Settings) error {
	before := p.settings.Swap(next) // first: what appears meanwhile has it
	if next.Latency != before.Latency {
		err := p.server.SetLatency(func(d *deployment.Config) latency.Config { return next.Latency.Of(d.Model) })
		if err != nil {
			p.settings.Store(before)
			return err
		}
	}
	p.server.SetOnFirstUse(next.mayAppear())
	return nil
}
