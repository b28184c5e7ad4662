package simulator

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/internal/tick"
	"foundrylab/simulator/content"
	"foundrylab/simulator/store"
)

// memory is what the deployments of one resource remember together. Safe for concurrent use.
type memory struct {
	mu    sync.Mutex
	store *store.Store[*remembered]
}

// newMemories makes one for each resource that is named, and one for the deployments that name none.
func newMemories(cfg *Config) map[string]*memory {
	all := map[string]*memory{}
	for _, d := range cfg.Deployments {
		if all[d.Resource] == nil {
			all[d.Resource] = &memory{store: store.New[*remembered](cfg.Stored)}
		}
	}
	return all
}

// storeBounds fills in the defaults. The retention is the documented one.
func storeBounds(b store.Bounds) store.Bounds {
	return store.Bounds{Count: cmp.Or(b.Count, 10_000), Bytes: cmp.Or(b.Bytes, 64<<20), Retention: cmp.Or(b.Retention, 30*24*time.Hour)}
}

// remembered is a response that can be asked for: not its bytes, but what they are made of. It does not change once it is
// remembered, but for its run.
type remembered struct {
	backend  *backend
	messages []ops.Message // what the request adds to the context of those before it
	reply    content.Reply
	form     content.ResponseForm
	run      *run // in the background; nil: it was complete when it came
}

// response returns a Writer of it, whose stream begins after so many events.
func (k *remembered) response(skip int) *content.Response {
	form := k.form
	form.Skip = skip
	return content.NewResponse(k.reply, form)
}

// context is what a later request has of this one.
func (k *remembered) context() []ops.Message {
	return append(slices.Clone(k.messages), k.response(0).Context()...)
}

// keptBytes is what a response takes beside its texts.
const keptBytes = 4 << 10

// bytes is about what it takes.
func (k *remembered) bytes() int64 {
	q, ask := &k.form.Asked, k.form.Asked.Response
	n := keptBytes + len(q.Tools) + len(q.ToolChoice) + len(q.Format) + len(ask.Instructions)
	if k.reply.Script != nil {
		n += 32 * k.reply.Script.Tokens()
	}
	for i := range ask.Items {
		n += len(ask.Items[i].JSON)
	}
	for i := range k.messages {
		n += len(k.messages[i].Text)
	}
	for _, e := range ask.Echo {
		n += len(e)
	}
	return int64(n)
}

// put remembers a response, to be found from an instant on.
func (m *memory) put(now, visible tick.Instant, k *remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store.Put(now, store.Entry[*remembered]{ID: content.ResponseID(k.form.ID), Previous: k.form.Asked.Response.Previous, Visible: visible, Bytes: k.bytes(), Value: k})
}

func (m *memory) get(now tick.Instant, id string) *remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, _ := m.store.Get(now, id)
	return k
}

func (m *memory) delete(now tick.Instant, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store.Delete(now, id)
}

// forget drops what one deployment of the resource has answered. What is still made in the background goes on, and nobody
// finds it.
func (m *memory) forget(b *backend) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store.DeleteFunc(func(k *remembered) bool { return k.backend == b })
}

// maxChain bounds the responses whose texts are the context of one.
const maxChain = 1024

// chain returns what a response and those before it said, or false where there is none that is complete.
func (m *memory) chain(now tick.Instant, id string) (context []ops.Message, found bool) {
	m.mu.Lock()
	chain, found := m.store.Chain(now, id, maxChain)
	m.mu.Unlock()
	if !found || chain[len(chain)-1].run != nil && !chain[len(chain)-1].run.complete() {
		return nil, false
	}
	for _, k := range chain {
		context = append(context, k.context()...)
	}
	return context, true
}

// remember keeps a complete response, unless the request wants it forgotten. It is called before the client can know of
// its end.
func (c *call) remember() {
	if c.memo == nil || c.peeked.Response.Unstored {
		return
	}
	now := c.srv.clock.Now()
	completed := c.memo.form.Completed()
	c.memo.form.Completed = func() int64 { return completed } // and let the flight go
	c.backend.memory.put(now, now.Add(c.lag()), c.memo)
}

// lag is how long the response cannot be found.
func (c *call) lag() time.Duration {
	d, whole, late := c.backend.setting.Load().cfg.Lag()
	if !late {
		return 0
	}
	lag := d.At(c.backend.late.Draw(c.request, c.flight.plan.Attempt))
	if !c.peeked.Stream {
		lag = tick.MulDiv(lag, whole, 1_000_000)
	}
	return time.Duration(lag)
}
