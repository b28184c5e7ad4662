package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"go.yaml.in/yaml/v3"

	"foundrylab/internal/tick"
	"foundrylab/simulator/fault"
)

// maxFaults bounds the faults that are added while the deployments run, those that are over included.
const maxFaults = 100

// addedSerial is the serial number of the first fault that is added: above all places in a Config's Faults.
const addedSerial = 1 << 20

// scheduled is a fault with its place on the time axis.
type scheduled struct {
	fault.Config
	serial     int
	origin     tick.Instant // At counts from it
	ended      tick.Instant // by hand; 0: it was not
	configured []*backend   // the Server in whose Config it is; nil: it was added
}

// faultList is all faults in the order in which they were made known. It is not changed: a change makes another one.
type faultList []scheduled

// begins and ends return the span of a fault; one that was ended before it began has none.
func (f *scheduled) begins() tick.Instant { return f.origin.Add(time.Duration(f.At)) }

func (f *scheduled) ends() tick.Instant {
	if f.ended != 0 {
		return f.ended
	}
	return f.begins().Add(time.Duration(f.For))
}

func (f *scheduled) state(now tick.Instant) string {
	switch {
	case now >= f.ends():
		return "ended"
	case now < f.begins():
		return "pending"
	}
	return "active"
}

// on returns what the fault is to a deployment, if anything.
func (f *scheduled) on(b *backend) []fault.Config {
	if f.ended != 0 || f.configured != nil && !slices.Contains(f.configured, b) {
		return nil
	}
	return f.On([]fault.Place{b.where()})
}

// planOf returns the rules that a deployment is left with at now. Rules of faults that go on are equal to those before.
func (l faultList) planOf(b *backend, now tick.Instant) *faultPlan {
	p := new(faultPlan)
	for i := range l {
		for _, one := range l[i].on(b) {
			for _, r := range fault.Schedule(one, l[i].origin, b.options.Seed) {
				if r.End > now {
					p.rules, p.serial = append(p.rules, r), append(p.serial, l[i].serial)
				}
			}
		}
	}
	return p
}

// anew returns the list as it is at a start at now: configured faults count from it, and added ones are gone. With a
// deployment it is so for the faults of that deployment alone.
func (l faultList) anew(one *backend, now tick.Instant) (next faultList) {
	for _, f := range l {
		if one != nil && f.Backend != one.cfg.Name {
			next = append(next, f)
		} else if f.configured != nil {
			f.origin, f.ended = now.Floor(), 0
			next = append(next, f)
		}
	}
	return next
}

// with returns the list with a further fault in the place of any other of its name; false where there is no room.
func (l faultList) with(f scheduled, now tick.Instant) (next faultList, ok bool) {
	next = slices.Clone(l)
	next = slices.DeleteFunc(next, func(o scheduled) bool { return o.Name == f.Name })
	added, over := 0, -1
	for i := range next {
		if next[i].configured == nil {
			if added++; over < 0 && next[i].state(now) == "ended" {
				over = i
			}
		}
	}
	if added == maxFaults {
		if over < 0 {
			return nil, false
		}
		next = slices.Delete(next, over, over+1)
	}
	return append(next, f), true
}

// shownFault is a fault as the control plane shows it.
type shownFault struct {
	Name     string    `json:"name"`
	State    string    `json:"state"` // pending, active, ended
	Begins   time.Time `json:"begins"`
	Ends     time.Time `json:"ends"` // or ended
	Backends []string  `json:"backends"`
	Fault    settings  `json:"fault"` // as a scenario would have it
}

func (c *Control) shown(f *scheduled, now tick.Instant) shownFault {
	s := shownFault{Name: f.Name, State: f.state(now), Begins: time.Unix(0, int64(f.begins())).UTC(), Ends: time.Unix(0, int64(f.ends())).UTC(),
		Backends: []string{}}
	running := *f
	running.ended = 0
	for _, b := range c.all() {
		if len(running.on(b)) > 0 {
			s.Backends = append(s.Backends, b.cfg.Name)
		}
	}
	text, err := membersOf(f.Config, func(string) bool { return true })
	if err != nil {
		panic("simulator: a fault in force cannot be written: " + err.Error())
	}
	s.Fault = text
	return s
}

func (c *Control) serveFaults(w http.ResponseWriter, r *http.Request) {
	if _, mistakes := c.query(r, 0); mistakes != nil {
		complain(http.StatusBadRequest, mistakes...).ServeHTTP(w, r)
		return
	}
	list, now := []shownFault{}, c.now()
	c.changing.Lock()
	defer c.changing.Unlock()
	for i := range c.faults {
		list = append(list, c.shown(&c.faults[i], now))
	}
	w.Header()["Content-Type"] = applicationJSON
	writeJSON(w, list)
}

func (c *Control) serveFault(w http.ResponseWriter, r *http.Request) {
	c.changing.Lock()
	defer c.changing.Unlock()
	if f := c.faults.named(w, r); f != nil {
		c.show(w, http.StatusOK, f, c.now())
	}
}

func (c *Control) show(w http.ResponseWriter, status int, f *scheduled, now tick.Instant) {
	w.Header()["Content-Type"] = applicationJSON
	w.WriteHeader(status)
	writeJSON(w, c.shown(f, now))
}

// named returns the newest fault of the name in the path, or nil and has answered.
func (l faultList) named(w http.ResponseWriter, r *http.Request) *scheduled {
	name := mux.Vars(r)["name"]
	for i := len(l) - 1; i >= 0; i-- {
		if l[i].Name == name {
			return &l[i]
		}
	}
	complain(http.StatusNotFound, fmt.Sprintf("there is no fault %q", name)).ServeHTTP(w, r)
	return nil
}

// serveAddFault schedules a fault, from now on, in the place of any other of its name.
func (c *Control) serveAddFault(w http.ResponseWriter, r *http.Request) {
	members, err := readObject(w, r)
	if err != nil {
		complain(http.StatusBadRequest, `send a JSON object such as {"backend": "gpt-4.1", "for": "30s", "status": {"code": 503}}: `+err.Error()).ServeHTTP(w, r)
		return
	}
	cfg, mistakes := c.readFault(mux.Vars(r)["name"], members)
	if mistakes != nil {
		complain(http.StatusBadRequest, mistakes...).ServeHTTP(w, r)
		return
	}
	c.changing.Lock()
	defer c.changing.Unlock()
	now := c.now()
	c.added++
	f := scheduled{Config: *cfg, serial: addedSerial + c.added, origin: now.Floor()}
	list, ok := c.faults.with(f, now)
	if !ok {
		complain(http.StatusConflict, fmt.Sprintf("there are %d faults that are not over: end one with DELETE", maxFaults)).ServeHTTP(w, r)
		return
	}
	status := http.StatusCreated
	if slices.ContainsFunc(c.faults, func(o scheduled) bool { return o.Name == f.Name }) {
		status = http.StatusOK
	}
	if !c.schedule(list, now) {
		complain(http.StatusConflict, crowded).ServeHTTP(w, r)
		return
	}
	c.show(w, status, &f, now)
}

// serveEndFault ends a fault early, or calls one off that has not begun.
func (c *Control) serveEndFault(w http.ResponseWriter, r *http.Request) {
	c.changing.Lock()
	defer c.changing.Unlock()
	now := c.now()
	list := slices.Clone(c.faults)
	f := list.named(w, r)
	if f == nil {
		return
	}
	if f.state(now) != "ended" {
		f.ended = now
		if !c.schedule(list, now) {
			complain(http.StatusConflict, crowded).ServeHTTP(w, r)
			return
		}
	}
	c.show(w, http.StatusOK, f, now)
}

// schedule brings a list into force at all deployments for which it is another one, or at none.
func (c *Control) schedule(list faultList, now tick.Instant) bool {
	var proposals []proposal
	for _, b := range c.all() {
		plan := list.planOf(b, now)
		if !slices.Equal(plan.serial, c.faults.planOf(b, now).serial) {
			proposals = append(proposals, proposal{b: b, faults: plan})
		}
	}
	if !enact(proposals...) {
		return false
	}
	c.faults = list
	return true
}

// readFault decodes a fault by the rules of a scenario's faults; at is 0s unless it is given.
func (c *Control) readFault(name string, members map[string]any) (*fault.Config, []string) {
	if given, ok := members["name"]; ok && given != name {
		return nil, []string{fmt.Sprintf("name: is %q in the path", name)}
	}
	members["name"] = name
	if _, ok := members["at"]; !ok {
		members["at"] = "0s"
	}
	text, err := yaml.Marshal(treeOfJSON(members))
	if err != nil {
		return nil, []string{err.Error()}
	}
	cfg := new(fault.Config)
	if err := decode("fault", text, cfg); err != nil {
		return nil, strings.Split(err.Error(), "\n")
	}
	for _, b := range c.all() {
		if len(cfg.On([]fault.Place{b.where()})) > 0 {
			return cfg, nil
		}
	}
	return nil, []string{"backend: no deployment is what the fault names"}
}
