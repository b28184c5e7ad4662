package gateway

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"foundrylab/gateway/identity"
	"foundrylab/gateway/tenancy"
	"foundrylab/internal/record"
)

// door lets requests in: it knows who may come, and what each may ask. Safe for concurrent use.
type door struct {
	verifier  *identity.Verifier
	tenants   []tenancy.Tenant // by tenant id
	gone      []bool           // by tenant id
	frontDoor string
	readers   sync.Pool // *tenancy.Reader
}

// visitor is who a request comes from.
type visitor struct {
	tenant uint16
	by     string          // the credential, for logs
	may    *tenancy.Tenant // nil: everything
}

// place is the visitor's among what is kept by tenant: whoever is none comes first.
func (v *visitor) place() int {
	if v.tenant == record.NoTenant {
		return 0
	}
	return int(v.tenant) + 1
}

// openDoor returns the door of a configuration, or every mistake.
func openDoor(cfg *Config) (*door, error) {
	d := &door{frontDoor: cfg.FrontDoor}
	d.readers.New = func() any { return new(tenancy.Reader) }
	who := cfg.Identity
	names := make([]string, len(cfg.Clients))
	who.Keys = who.Keys[:len(who.Keys):len(who.Keys)]
	for i, c := range cfg.Clients {
		names[i] = c.Name
		d.gone = append(d.gone, c.gone)
		d.tenants = append(d.tenants, tenancy.Tenant{Name: c.Name, Models: c.Models, Rules: c.Rules})
		if c.Key != "" {
			who.Keys = append(who.Keys, identity.KeyOf(c.Name, c.Key))
		}
	}
	var err error
	d.verifier, err = identity.Open(&who, names, cfg.IdentityOptions)
	return d, err
}

// enter finds out who a request comes from; problem says why it is not let in, and why what the log is told of it.
func (d *door) enter(r *http.Request) (v visitor, problem *refusal, why string) {
	if d.frontDoor != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Azure-Fdid")), []byte(d.frontDoor)) != 1 {
		return visitor{tenant: record.NoTenant}, wrongFrontDoor, "front-door"
	}
	caller, err := d.verifier.Identify(r)
	if err != nil {
		if problem = unauthorized; errors.Is(err, identity.KeysUnavailable) {
			problem = noIdentity
		}
		return visitor{tenant: record.NoTenant, by: caller.By}, problem, err.Error()
	}
	v = visitor{tenant: record.NoTenant, by: caller.By}
	if caller.Tenant != identity.Nobody && d.gone[caller.Tenant] {
		return visitor{tenant: record.NoTenant}, unauthorized, "tenant-gone"
	}
	if caller.Tenant != identity.Nobody {
		v.tenant, v.may = uint16(caller.Tenant), &d.tenants[caller.Tenant]
	}
	return v, nil, ""
}

// maxBody returns the bound on a visitor's body in bytes, where all have the bound most.
func (v *visitor) maxBody(most int64) int64 {
	if v.may != nil && v.may.Rules.BodySize > 0 {
		return min(most, int64(v.may.Rules.BodySize))
	}
	return most
}

// permit looks at the headers of a request.
func (v *visitor) permit(r *http.Request) *refusal {
	if v.may == nil {
		return nil
	}
	if name := v.may.Rules.Missing(r.Header.Get); name != "" {
		return &refusal{http.StatusBadRequest, "header-missing", errorBody{"BadRequest", fmt.Sprintf("Your tenant of the gateway must send the header %s with every request.", name)}}
	}
	return nil
}

// comply returns the body as the visitor's rules want it.
func (d *door) comply(v *visitor, body []byte) ([]byte, *refusal) {
	if v.may == nil || !v.may.Rules.Reads() {
		return body, nil
	}
	in := d.readers.Get().(*tenancy.Reader)
	defer d.readers.Put(in)
	body, broken := v.may.Rules.Enforce(in, body)
	if broken != nil {
		return nil, &refusal{http.StatusBadRequest, "not-compliant-" + broken.Rule, errorBody{"BadRequest", broken.Message}}
	}
	return body, nil
}
