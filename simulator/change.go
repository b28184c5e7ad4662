package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"foundrylab/simulator/deployment"
)

// maxChangeBody bounds the body of a change, in bytes.
const maxChangeBody = 64 << 10

// serveChange gives a deployment other settings, all that the body names or none. It is a JSON merge patch (RFC 7396) of
// what serveDeployment shows as settings.
func (c *Control) serveChange(w http.ResponseWriter, r *http.Request) {
	b := c.named(w, r)
	if b == nil {
		return
	}
	patch, err := readObject(w, r)
	if err != nil {
		complain(http.StatusBadRequest, `send a JSON object such as {"tpm": 120000}: `+err.Error()).ServeHTTP(w, r)
		return
	}
	status, mistakes := c.change(b, r.Header.Get("If-Match"), func(now *deployment.Config) (*deployment.Config, []string) { return changed(now, patch) })
	if mistakes != nil {
		complain(status, mistakes...).ServeHTTP(w, r)
		return
	}
	b.show(w)
}

// readObject reads a body that is one JSON object; its numbers are json.Number.
func readObject(w http.ResponseWriter, r *http.Request) (object map[string]any, err error) {
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxChangeBody))
	in.UseNumber()
	if err := in.Decode(&object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, errors.New("found null")
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("found more after it")
	}
	return object, nil
}

// named returns the deployment that the path names, or nil and has answered.
func (c *Control) named(w http.ResponseWriter, r *http.Request) *backend {
	name := mux.Vars(r)["name"]
	b := c.deployed(name)
	if b == nil {
		complain(http.StatusNotFound, fmt.Sprintf("there is no deployment %q", name)).ServeHTTP(w, r)
	}
	return b
}

func (c *Control) serveDeployment(w http.ResponseWriter, r *http.Request) {
	if b := c.named(w, r); b != nil {
		b.show(w)
	}
}

// show answers with where the deployment stands; its version is the entity tag.
func (b *backend) show(w http.ResponseWriter) {
	now := b.standing()
	w.Header()["Content-Type"] = applicationJSON
	w.Header().Set("Etag", entityTag(now.Version))
	writeJSON(w, now)
}

func entityTag(version uint32) string { return strconv.Quote(strconv.FormatUint(uint64(version), 10)) }

// change puts what next makes of the present configuration into force, or says all that is wrong with it. What was used
// of the windows stays used; answers in flight go on as planned. Whoever names a version has no other one changed.
func (c *Control) change(b *backend, version string, next func(*deployment.Config) (*deployment.Config, []string)) (status int, mistakes []string) {
	c.changing.Lock()
	defer c.changing.Unlock()
	now := b.setting.Load()
	if version != "" && version != "*" && version != entityTag(now.version) {
		return http.StatusPreconditionFailed, []string{fmt.Sprintf("If-Match: the deployment has version %s by now", entityTag(now.version))}
	}
	cfg, mistakes := next(now.cfg)
	if mistakes != nil {
		return http.StatusBadRequest, mistakes
	}
	if !enact(proposal{b: b, cfg: cfg}) {
		return http.StatusConflict, []string{crowded}
	}
	return http.StatusOK, nil
}

// changed returns cfg with a patch applied by the rules of the file format, or all that is wrong with it.
func changed(cfg *deployment.Config, patch map[string]any) (*deployment.Config, []string) {
	var mistakes []string
	for name := range patch {
		if !slices.Contains(changeable, name) {
			mistakes = append(mistakes, fmt.Sprintf("%s: cannot be changed at run time; these can: %s", name, strings.Join(changeable, ", ")))
			delete(patch, name)
		}
	}
	next, err := merged(cfg, patch)
	if err != nil {
		mistakes = append(mistakes, strings.Split(err.Error(), "\n")...)
	}
	slices.Sort(mistakes)
	return next, mistakes
}
