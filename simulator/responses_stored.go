package simulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gorilla/mux"

	"foundrylab/internal/ops"
	"foundrylab/internal/tick"
	"foundrylab/simulator/content"
)

// storedRoutes are what can be done with responses that are stored; the paths follow that of the operation.
var storedRoutes = []struct {
	name, method, tail string
	answer             func(c *call, k *remembered)
}{
	{"get", http.MethodGet, "/{id}", (*call).showResponse},
	{"delete", http.MethodDelete, "/{id}", (*call).deleteResponse},
	{"cancel", http.MethodPost, "/{id}/cancel", (*call).cancelResponse},
	{"input_items", http.MethodGet, "/{id}/input_items", (*call).listItems},
}

// stored answers what is asked about a response.
func stored(family string, answer func(c *call, k *remembered)) endpoint {
	version := versionRules(family)
	return func(c *call) {
		c.family = family
		id := mux.Vars(c.r)["id"]
		switch {
		case !version.fits(c):
			c.answer(version.refuse())
		case !c.admitted():
		default:
			k := c.find(id)
			if k == nil || c.stale(k.backend) {
				c.answer(content.ResponseNotFound(id))
				return
			}
			c.backend = k.backend
			answer(c, k)
		}
	}
}

// stale reports whether a fault of the deployment that made it keeps a response from being found: a scheduled one, or
// the one that the request asks for.
func (c *call) stale(b *backend) (is bool) {
	b.driver.Wake()
	b.driver.Locked(func(now tick.Instant) { is = b.core.Stale(now, c.serial) })
	return is || c.r.Header.Get(faultHeader) == "stale"
}

// find returns the response of an id that the caller's key opens, or nil.
func (c *call) find(id string) *remembered {
	for _, b := range c.srv.deployments() {
		if !c.opens(b) {
			continue
		}
		if k := b.memory.get(c.srv.clock.Now(), id); k != nil {
			return k
		}
	}
	return nil
}

// showResponse answers with a response as it is now, or streams what is made in the background, from after an event on.
func (c *call) showResponse(k *remembered) {
	query := c.r.URL.Query()
	if query.Get("stream") != "true" {
		c.showState(k)
		return
	}
	if k.run == nil {
		c.answer(*invalid("stream", "", "Only responses that were created with 'background' set to true can be streamed again."))
		return
	}
	after := -1
	if text := query.Get("starting_after"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			c.answer(*invalid("starting_after", "invalid_type", "Invalid type for 'starting_after': expected the number of an event."))
			return
		}
		after = n
	}
	c.follow(k, after+1)
}

func (c *call) showState(k *remembered) {
	c.answer(content.Answer{Status: http.StatusOK, Body: k.response(0).AppendObject(nil, k.state(c.srv.clock.Now()))})
}

// deleteResponse forgets a response; what is still being made stops.
func (c *call) deleteResponse(k *remembered) {
	id := content.ResponseID(k.form.ID)
	k.backend.memory.delete(c.srv.clock.Now(), id)
	if k.run != nil {
		k.run.stop()
	}
	c.answer(content.Answer{Status: http.StatusOK, Body: []byte(`{"id":"` + id + `","object":"response","deleted":true}`)})
}

// cancelResponse stops what is made in the background. What has ended stays as it is.
func (c *call) cancelResponse(k *remembered) {
	if k.run == nil {
		c.answer(*invalid("", "", "Cannot cancel a synchronous response."))
		return
	}
	k.run.stop()
	c.showState(k)
}

// listItems answers with a page of what the request itself put in.
func (c *call) listItems(k *remembered) {
	items, more, wrong := choose(itemsOf(k), c.r.URL.Query())
	if wrong != nil && !c.srv.lenient {
		c.answer(*wrong)
		return
	}
	c.answer(content.Answer{Status: http.StatusOK, Body: page(items, more)})
}

// choose returns the items that a query asks for, whether there are more, and the first mistake in it; a parameter with a
// mistake chooses as if it were not there.
func choose(items []listed, query url.Values) (some []listed, more bool, wrong *content.Answer) {
	refuse := func(param, code, message string) {
		if wrong == nil {
			wrong = invalid(param, code, message)
		}
	}
	limit := 20
	if text := query.Get("limit"); text != "" {
		if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= 100 {
			limit = n
		} else {
			refuse("limit", "", "Invalid 'limit': expected a number from 1 to 100.")
		}
	}
	order := query.Get("order")
	if order != "" && order != "desc" && order != "asc" {
		refuse("order", "invalid_value", "Invalid value: '"+order+"'. Supported values are: 'asc' and 'desc'.")
	}
	if order != "asc" {
		slices.Reverse(items)
	}
	if after := query.Get("after"); after != "" {
		at := slices.IndexFunc(items, func(it listed) bool { return it.id == after })
		if at < 0 {
			refuse("after", "", "Invalid 'after': there is no item '"+after+"'.")
		}
		items = items[at+1:]
	}
	return items[:min(limit, len(items))], len(items) > limit, wrong
}

// listed is an item with its id.
type listed struct {
	id   string
	json []byte
}

// itemsOf returns the items that a request brought, each with an id.
func itemsOf(k *remembered) (list []listed) {
	for i, it := range k.form.Asked.Response.Items {
		one := listed{it.ID, it.JSON}
		if one.id == "" {
			one.id = string(content.AppendItemID(nil, itemPrefix(&it), ^k.form.ID, i))
			one.json = append([]byte(`{"id":"`+one.id+`",`), it.JSON[1:]...)
		}
		list = append(list, one)
	}
	return list
}

func itemPrefix(it *ops.Item) string {
	switch it.Kind {
	case "message":
		return "msg_"
	case "function_call":
		return "fc_"
	case "function_call_output":
		return "fco_"
	case "reasoning":
		return "rs_"
	}
	return "item_"
}

func page(items []listed, more bool) []byte {
	b := bytes.NewBufferString(`{"object":"list","data":[`)
	for i, it := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(it.json)
	}
	b.WriteString(`],"first_id":`)
	b.Write(idAt(items, 0))
	b.WriteString(`,"last_id":`)
	b.Write(idAt(items, len(items)-1))
	b.WriteString(`,"has_more":` + strconv.FormatBool(more) + "}")
	return b.Bytes()
}

// idAt returns the id at a place as JSON; null on an empty page.
func idAt(items []listed, place int) []byte {
	if len(items) == 0 {
		return []byte("null")
	}
	id, _ := json.Marshal(items[place].id) // a text always marshals
	return id
}
