// Package replica keeps in Redis the limits that several simulators share, so
// that they are one deployment behind a load balancer. What a call does there
// is one Lua script, atomic, at one instant of the server's clock: the clocks
// of the replicas do not matter. It refuses decisions: what to ask for is
// simulator/lease's, whose Book the script is.
package replica

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"foundrylab/simulator/lease"
)

//go:embed exchange.lua
var source string

// script is sent whole only to a server that does not know it.
var script = redis.NewScript(source)

// Timeouts of the server: a call that takes longer has failed.
const (
	dialTimeout = 250 * time.Millisecond
	callTimeout = 250 * time.Millisecond
)

// Store is one replica's way to a Redis server. Safe for concurrent use.
type Store struct {
	client *redis.Client
	name   string // of this replica, among the others
	where  string
}

// silence ends the client's own log lines: the simulator says that the server is away, once.
var silence = sync.OnceFunc(logging.Disable)

// Open returns a Store on the server that address names: redis:// or rediss://
// (TLS), [user][:password]@host[:port][/database]. Nothing is connected yet. An
// error does not repeat the address, which may hold a password.
func Open(address string) (*Store, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" {
		return nil, errors.New("give a Redis server as redis://host:6379/0, or rediss:// for TLS; a password as redis://:password@host:6379/0")
	}
	opt, err := redis.ParseURL(address)
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(strings.TrimPrefix(err.Error(), "redis: "), address, u.Redacted()))
	}
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout = dialTimeout, callTimeout, callTimeout
	opt.MaxRetries, opt.DialerRetries = -1, 1 // the lease machine goes on alone, and calls again
	opt.ContextTimeoutEnabled = true
	silence()
	var id [8]byte
	rand.Read(id[:])
	return &Store{redis.NewClient(opt), hex.EncodeToString(id[:]), fmt.Sprintf("%s://%s/%d", u.Scheme, opt.Addr, opt.DB)}, nil
}

// String returns the address without user and password.
func (s *Store) String() string { return s.where }

// Close ends the connections.
func (s *Store) Close() error { return s.client.Close() }

// Exchange makes a call about a deployment. It takes half a second at most.
func (s *Store) Exchange(ctx context.Context, deployment string, c *lease.Call) (r lease.Reply, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout+callTimeout)
	defer cancel()
	prefix := "foundrylab:{" + deployment + "}:" // braces: all keys of a call on one node of a cluster
	keys := append(make([]string, 0, 2+lease.Meters), prefix+"epoch", prefix+"replicas")
	args := append(make([]any, 0, 4+13*lease.Meters), s.name, c.Epoch, lease.Forget.Microseconds(), lease.Life.Microseconds())
	for i := range c.Lines {
		l := &c.Lines[i]
		if l.Name == "" {
			break
		}
		keys = append(keys, prefix+l.Name)
		args = append(args, int(l.Kind), l.Limit, l.Period.Microseconds(), l.Drain, l.Need, l.Least, l.Want, l.Wait, l.Count,
			l.Back[0].Slot, l.Back[0].N, l.Back[1].Slot, l.Back[1].N)
	}
	answer, err := script.Run(ctx, s.client, keys, args...).Slice()
	if err != nil {
		return r, err
	}
	return read(answer, len(keys)-2)
}

// read takes a script's answer apart.
func read(answer []any, meters int) (r lease.Reply, err error) {
	if len(answer) < 2 {
		return r, fmt.Errorf("an answer of %d values", len(answer))
	}
	epoch, _ := answer[0].(string)
	r.Epoch, err = strconv.ParseUint(epoch, 10, 64)
	if err != nil || r.Epoch == 0 {
		return r, fmt.Errorf("the epoch %q is no number", epoch)
	}
	n := make([]int64, len(answer)-1)
	for i := range n {
		var whole bool
		if n[i], whole = answer[i+1].(int64); !whole {
			return r, fmt.Errorf("value %d of the answer is a %T", i+1, answer[i+1])
		}
	}
	r.Replicas, n = n[0], n[1:]
	if len(n) != 0 && len(n) != 5*meters {
		return r, fmt.Errorf("an answer of %d values", len(answer))
	}
	for i := range len(n) / 5 {
		v := n[5*i:]
		r.Lines[i] = lease.Given{Units: lease.Units{Slot: v[0], N: v[1]}, Used: v[2],
			Left: time.Duration(v[3]) * time.Microsecond, Wait: time.Duration(v[4]) * time.Microsecond}
	}
	return r, nil
}
