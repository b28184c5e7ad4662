package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/simulator/deployment"
)

// maxChanges bounds how often a deployment can be changed: its core keeps every configuration that it was given.
const maxChanges = 1000

// maxChangeBody bounds the body of a change, in bytes.
const maxChangeBody = 64 << 10

// serveChange gives a deployment other limits, all that the body names or none.
func (s *Server) serveChange(w http.ResponseWriter, r *http.Request) {
	b := s.deployed(mux.Vars(r)["name"])
	if b == nil {
		complain(http.StatusNotFound, fmt.Sprintf("there is no deployment %q", mux.Vars(r)["name"])).ServeHTTP(w, r)
		return
	}
	var body map[string]json.RawMessage
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxChangeBody)).Decode(&body); err != nil {
		complain(http.StatusBadRequest, `send a JSON object such as {"tpm": 120000}: `+err.Error()).ServeHTTP(w, r)
		return
	}
	if status, mistakes := b.change(body); mistakes != nil {
		complain(status, mistakes...).ServeHTTP(w, r)
		return
	}
	w.Header()["Content-Type"] = applicationJSON
	writeJSON(w, b.standing())
}

// change switches to a configuration with other limits, or says all that is wrong with it. What was used of the windows
// stays used; answers in flight go on as planned.
func (b *backend) change(body map[string]json.RawMessage) (status int, mistakes []string) {
	b.changing.Lock()
	defer b.changing.Unlock()
	next := b.cfg
	if n := len(b.changes); n > 0 {
		next = *b.changes[n-1]
	}
	if mistakes = resized(&next, body); mistakes != nil {
		return http.StatusBadRequest, mistakes
	}
	if len(b.changes) == maxChanges {
		return http.StatusConflict, []string{fmt.Sprintf("a deployment takes %d changes: start the simulator anew", maxChanges)}
	}
	var version uint32
	b.driver.Locked(func(tick.Instant) { version = b.core.Install(&next, b.options.Seed) })
	b.driver.Do(deployment.Event{Kind: deployment.Configure, Version: version})
	b.changes = append(b.changes, &next)
	b.driver.Locked(func(tick.Instant) { b.limits.show(b.core.Limits()) })
	return http.StatusOK, nil
}

// resized applies the members of a change to cfg, by the rules of the file format.
func resized(cfg *deployment.Config, body map[string]json.RawMessage) (mistakes []string) {
	for name, raw := range body {
		var n int64
		switch err := json.Unmarshal(raw, &n); {
		case !slices.Contains([]string{"tpm", "rpm", "ptu"}, name):
			mistakes = append(mistakes, name+": cannot be changed; tpm, rpm and ptu can")
			continue
		case err != nil || n < 0 || string(raw) == "null":
			mistakes = append(mistakes, fmt.Sprintf("%s: %s is no whole number from 0", name, raw))
			continue
		}
		switch name {
		case "tpm":
			cfg.TPM = unit.Count(n)
		case "rpm":
			cfg.RPM = unit.Count(n)
		case "ptu":
			cfg.PTU = n
		}
	}
	if err := (&written{Deployments: []deployment.Config{*cfg}}).check(); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			mistakes = append(mistakes, strings.TrimPrefix(line, "deployments[0]."))
		}
	}
	slices.Sort(mistakes)
	return mistakes
}
