package gateway

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
)

// keyParameters are parameters of a URL in which some clients have their key.
// The gateway takes none there, since URLs are logged everywhere, and passes
// none on.
var keyParameters = []string{"api-key", "subscription-key", "access_token"}

// publicQuery returns a query without a client's credentials; the rest stands as
// it was written.
func publicQuery(raw string) string {
	if !strings.ContainsAny(raw, "kK%") { // the usual: api-version alone
		return raw
	}
	var kept []string
	found := false
	for part := range strings.SplitSeq(raw, "&") {
		if isKeyParameter(part) {
			found = true
			continue
		}
		kept = append(kept, part)
	}
	if !found {
		return raw
	}
	return strings.Join(kept, "&")
}

func isKeyParameter(part string) bool {
	name, _, _ := strings.Cut(part, "=")
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	return slices.ContainsFunc(keyParameters, func(key string) bool { return strings.EqualFold(name, key) })
}

// hidden stands where a credential stood.
const hidden = "***"

// hide takes the gateway's credential out of a backend's error: some repeat the
// key that they refuse.
func (a *answer) hide(credential string) {
	if credential == "" {
		return
	}
	a.body = bytes.ReplaceAll(a.body, []byte(credential), []byte(hidden))
	for _, values := range a.header {
		for i, v := range values {
			values[i] = strings.ReplaceAll(v, credential, hidden)
		}
	}
}
