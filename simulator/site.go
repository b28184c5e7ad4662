package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Resource is a Server under the name of a resource.
type Resource struct {
	Name   string // up to 64 letters, digits and hyphens; no two differ in case alone
	Server *Server
}

// Site is several resources behind one address. A request goes to the resource that its Host header names, as
// NAME.openai.azure.com, NAME.services.ai.azure.com, NAME.cognitiveservices.azure.com or NAME.localhost, whatever the port;
// else to the one that its path begins with, as /resources/NAME; else to the first. It is a http.Handler, safe for
// concurrent use.
type Site struct {
	all    []Resource
	byName map[string]*Server // in small letters
	paths  http.Handler
}

// domains are those under which a resource has its name: the service's three, and one that leads to the own machine.
var domains = []string{".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com", ".localhost"}

// HostNames are the host names of a resource.
func HostNames(resource string) (hosts []string) {
	for _, d := range domains {
		hosts = append(hosts, strings.ToLower(resource)+d)
	}
	return hosts
}

// NewSite puts resources behind one address; there must be one at least. Their Servers stay their owner's to close.
func NewSite(all ...Resource) (*Site, error) {
	s := &Site{all: slices.Clone(all), byName: map[string]*Server{}}
	for i, r := range all {
		name := strings.ToLower(r.Name)
		switch {
		case !resourceNameFits(name):
			return nil, fmt.Errorf("resources[%d].name: %q is no name of a resource: %s", i, r.Name, resourceNameRule)
		case s.byName[name] != nil:
			return nil, fmt.Errorf("resources[%d].name: %q is taken", i, r.Name)
		}
		s.byName[name] = r.Server
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("resources: there must be one at least")
	}
	s.paths = s.under(func(r *Server) http.Handler { return r }, all[0].Server)
	return s, nil
}

// resourceNameRule says what resourceNameFits wants.
const resourceNameRule = "use up to 64 letters, digits and hyphens, with a letter or digit at both ends"

// resourceNameFits reports whether a name in small letters can be a label of a host name.
func resourceNameFits(name string) bool {
	fits := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' }
	return name != "" && len(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool { return !fits(r) }) && strings.Trim(name, "-") == name
}

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, named := resourceOf(r.Host)
	if !named {
		s.paths.ServeHTTP(w, r)
		return
	}
	if server := s.byName[name]; server != nil {
		server.ServeHTTP(w, r)
		return
	}
	s.unknown(name).ServeHTTP(w, r)
}

// resourceOf returns the name of the resource in a Host header, in small letters; false where it names none.
func resourceOf(host string) (name string, named bool) {
	host, _, _ = strings.Cut(host, ":") // an IPv6 address names none either way
	host = strings.ToLower(host)
	for _, d := range domains {
		if name, named := strings.CutSuffix(host, d); named {
			return name, true
		}
	}
	return "", false
}

// unknown answers what is for a resource that is not there; the service has no such host at all.
func (s *Site) unknown(name string) http.Handler {
	var names []string
	for _, r := range s.all {
		names = append(names, r.Name)
	}
	return complain(http.StatusNotFound, fmt.Sprintf("there is no resource %q; there are: %s", name, strings.Join(names, ", ")))
}

// resourcesPath is where resources are found by path.
const resourcesPath = "/resources/"

// under serves a handler of each resource under its path, and what has no such path by another one.
func (s *Site) under(of func(*Server) http.Handler, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, by := strings.CutPrefix(r.URL.Path, resourcesPath)
		if !by {
			others.ServeHTTP(w, r)
			return
		}
		name, _, _ := strings.Cut(rest, "/")
		server := s.byName[strings.ToLower(name)]
		if server == nil {
			s.unknown(name).ServeHTTP(w, r)
			return
		}
		http.StripPrefix(resourcesPath+name, of(server)).ServeHTTP(w, r)
	})
}

// Admin returns the control planes of all resources as a handler: that of each under /resources/NAME, and their list at
// /resources. It asks for no key.
func (s *Site) Admin() http.Handler {
	planes := s.under((*Server).Admin, complain(http.StatusNotFound, "there is no such path: each resource has its own control plane, as GET /resources/NAME/ledger; GET /resources lists them"))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != strings.TrimSuffix(resourcesPath, "/") || r.Method != http.MethodGet {
			planes.ServeHTTP(w, r)
			return
		}
		w.Header()["Content-Type"] = applicationJSON
		writeJSON(w, s.list())
	})
}

// shownResource is a resource as the control plane shows it.
type shownResource struct {
	Name        string   `json:"name"`
	Hosts       []string `json:"hosts"`
	Deployments []string `json:"deployments"`
}

func (s *Site) list() (list []shownResource) {
	for _, r := range s.all {
		one := shownResource{Name: r.Name, Hosts: HostNames(r.Name)}
		for _, b := range r.Server.deployments() {
			one.Deployments = append(one.Deployments, b.cfg.Name)
		}
		slices.SortStableFunc(one.Deployments, cmp.Compare)
		list = append(list, one)
	}
	return list
}
