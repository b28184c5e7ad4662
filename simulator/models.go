package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"foundrylab/simulator/content"
)

// modelsClassic lists the models that are deployed here; the service lists all there are in the region.
func modelsClassic(c *call) { c.models(c.classicVersion(), content.NotFound()) }

// modelsV1 is modelsClassic on the v1 route.
func modelsV1(c *call) { c.models(c.v1Version(), versionNotSupported) }

func (c *call) models(versionFits bool, otherwise content.Answer) {
	switch {
	case !versionFits:
		c.answer(otherwise)
	case !c.knowsKey():
		c.answer(content.InvalidKey())
	default:
		c.answer(content.Answer{Status: http.StatusOK, Body: c.srv.modelList()})
	}
}

// modelList holds the fields of both families: created_at of the classic one, created and owned_by of v1.
func (s *Server) modelList() []byte {
	list := []byte(`{"data":[`)
	var listed []string
	for _, b := range s.backends {
		if slices.Contains(listed, b.engine) {
			continue
		}
		if len(listed) > 0 {
			list = append(list, ',')
		}
		listed = append(listed, b.engine)
		created := "0"
		if at, err := time.Parse(time.DateOnly, b.cfg.Version); err == nil {
			created = strconv.FormatInt(at.Unix(), 10)
		}
		list = append(list, `{"capabilities":{"chat_completion":true,"completion":false,"embeddings":false,"fine_tune":false,"inference":true},`+
			`"created":`+created+`,"created_at":`+created+`,"id":`...)
		id, _ := json.Marshal(b.engine) // a string always marshals
		list = append(list, id...)
		list = append(list, `,"lifecycle_status":"generally-available","object":"model","owned_by":"azure-openai","status":"succeeded"}`...)
	}
	return append(list, `],"object":"list"}`...)
}
