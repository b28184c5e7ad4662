package simulator

import (
	"bufio"
	"net/http"
	"strconv"

	"foundrylab/simulator/content"
)

// wrongLength answers with a Content-Length that is off by some bytes, and closes the connection after the body. A
// smaller one is told by hand, since net/http would not write more than it announced.
func (c *call) wrongLength(body []byte, off int) {
	length := max(len(body)+off, 1)
	c.head(content.Answer{Status: http.StatusOK, Body: body})
	h := c.w.Header()
	h["Content-Length"] = []string{strconv.Itoa(length)}
	if length > len(body) {
		c.w.WriteHeader(http.StatusOK)
		c.w.Write(body) // net/http closes the connection of an answer that is too short
		return
	}
	conn, _, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	h["Connection"] = []string{"close"}
	out := bufio.NewWriter(conn)
	out.WriteString("HTTP/1.1 200 OK\r\n")
	h.Write(out)
	out.WriteString("\r\n")
	out.Write(body)
	out.Flush() // a failure means that the client is gone, or had enough: nothing is left to do
}
