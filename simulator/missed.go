package simulator

import "net/http"

// Missed tells the Server of a request whose connection never came about: an outage that its owner brings about at the
// network kept it away (fault.Config.OfAddress). It goes the way of any request, to be in the ledger under the reason of
// that fault, and is answered nothing. r is as a client would send it; its body is read.
func (s *Server) Missed(r *http.Request) {
	defer func() {
		if e := recover(); e != nil && e != http.ErrAbortHandler {
			panic(e)
		}
	}()
	s.ServeHTTP(nobody{}, r)
}

// nobody is the ResponseWriter of a request whose client is not there.
type nobody struct{}

func (nobody) Header() http.Header         { return http.Header{} }
func (nobody) Write(p []byte) (int, error) { return len(p), nil }
func (nobody) WriteHeader(int)             {}

// missed reports whether the request came by Missed.
func (c *call) missed() bool {
	_, is := c.w.(nobody)
	return is
}
