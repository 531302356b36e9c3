package sim

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

func (s *Server) getSettingsOfUser(w http.ResponseWriter, c *call) {
	u, ok := s.people.Get(c.id)
	if !ok {
		notFound(w)
		return
	}
	c.id = int64(u.RoleID)
	withRole(getSettings)(s, w, c)
}

func getSettings(_ *Server, w http.ResponseWriter, _ *call, one *role) { writeData(w, one.settings) }

func setSetting(_ *Server, w http.ResponseWriter, c *call, one *role) {
	key, value := c.body["setting_key"].(string), c.body["value"].(int64)
	one.settings[key] = value
	writeData(w, map[string]int64{"id": one.id, key: value})
}

// pipelinesBody is a schema: the specification writes the lists as text, "[1]".
func pipelinesBody() *simkit.Schema {
	ids := simkit.Schema{Check: func(v any) string {
		if _, ok := pipelineIDs(v); !ok {
			return "must be a list of pipeline ids from 1 to 3"
		}
		return ""
	}}
	return &simkit.Schema{Members: map[string]simkit.Schema{"visible_pipeline_ids": {
		Type: simkit.Object, Required: true, NotEmpty: true, Members: map[string]simkit.Schema{"add": ids, "remove": ids},
	}}}
}

const pipelines = 3 // how many the company has

func pipelineIDs(v any) ([]int64, bool) {
	text, isText := v.(string)
	if !isText {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, false
		}
		text = string(b)
	}
	var ids []int64
	if json.Unmarshal([]byte(text), &ids) != nil || ids == nil {
		return nil, false
	}
	for _, id := range ids {
		if id < 1 || id > pipelines {
			return nil, false
		}
	}
	return ids, true
}

func setPipelines(_ *Server, w http.ResponseWriter, c *call, one *role) {
	change := c.body["visible_pipeline_ids"].(map[string]any)
	add, _ := pipelineIDs(change["add"]) // the schema has checked it
	remove, _ := pipelineIDs(change["remove"])
	one.pipelines = slices.DeleteFunc(one.pipelines, func(id int64) bool { return slices.Contains(add, id) })
	one.pipelines = append(one.pipelines, remove...)
	writePipelines(w, one, true)
}

func getPipelines(_ *Server, w http.ResponseWriter, c *call, one *role) {
	visible := c.URL.Query().Get("visible")
	if visible != "" && visible != "true" && visible != "false" {
		invalid(w, "visible: must be true or false")
		return
	}
	writePipelines(w, one, visible != "false")
}

func writePipelines(w http.ResponseWriter, one *role, visible bool) {
	ids := []int64{}
	for id := int64(1); id <= pipelines; id++ {
		if slices.Contains(one.pipelines, id) != visible {
			ids = append(ids, id)
		}
	}
	writeData(w, map[string]any{"pipeline_ids": ids, "visible": visible})
}
