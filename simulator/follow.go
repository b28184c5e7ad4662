package simulator

import (
	"net/http"
	"slices"
)

// maxFollowers bounds how many read a ledger as it grows.
const maxFollowers = 64

// follower is somebody who reads the ledger as it grows. It owns no buffer: it reads the ring, page by page, and one that
// falls behind by more than the ring holds has missed what was pushed out. So nobody waits for it.
type follower struct{ more chan struct{} }

// nudge says that there is more, if that was not said already.
func (f *follower) nudge() {
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// follow adds a follower; nil where there are as many as there may be.
func (l *ledger) follow() *follower {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.followers) == maxFollowers {
		return nil
	}
	f := &follower{more: make(chan struct{}, 1)}
	l.followers = append(l.followers, f)
	return f
}

func (l *ledger) unfollow(f *follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followers = slices.DeleteFunc(l.followers, func(g *follower) bool { return g == f })
}

// missed is a line among entries: so many attempts, at whatever deployment, were pushed out before they could be sent.
type missed struct {
	Missed int64 `json:"missed"`
}

// serveFollow answers with the entries there are and then with those that come, until the client leaves.
func (c *Control) serveFollow(w http.ResponseWriter, r *http.Request, q *query) {
	f := c.ledger.follow()
	if f == nil {
		complain(http.StatusServiceUnavailable, "there are 64 followers: no more can be taken").ServeHTTP(w, r)
		return
	}
	defer c.ledger.unfollow(f)
	c.countHeaders(w.Header())
	w.Header().Set("Content-Type", jsonLines)
	out := http.NewResponseController(w)
	found, read := c.ledger.newest(q.limit, q.match)
	for i := range found {
		if !writeJSON(w, c.entry(&found[i])) {
			return
		}
	}
	if out.Flush() != nil {
		return
	}
	page := make([]kept, 0, ledgerPage)
	for {
		before, lost := read, int64(0)
		page, read, lost = c.ledger.between(read, read+ledgerPage, page[:0])
		if lost > 0 && !writeJSON(w, missed{lost}) {
			return
		}
		for i := range page {
			if q.match(&page[i]) && !writeJSON(w, c.entry(&page[i])) {
				return
			}
		}
		if out.Flush() != nil {
			return
		}
		if read > before {
			continue
		}
		select {
		case <-f.more:
		case <-r.Context().Done():
			return
		}
	}
}
