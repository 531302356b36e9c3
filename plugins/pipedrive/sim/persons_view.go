package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// view says which optional fields of persons a request asks for.
type view struct {
	include []string
	custom  []string // keys of custom fields; nil is all
}

func includable() []string {
	return []string{
		"next_activity_id", "last_activity_id", "open_deals_count", "related_open_deals_count", "closed_deals_count",
		"related_closed_deals_count",
		"participant_open_deals_count", "participant_closed_deals_count", "email_messages_count", "activities_count", "done_activities_count",
		"undone_activities_count", "files_count", "notes_count", "followers_count", "won_deals_count",
		"related_won_deals_count", "lost_deals_count",
		"related_lost_deals_count", "last_incoming_mail_time", "last_outgoing_mail_time", "marketing_status", "doi_status", "smart_bcc_email",
	}
}

const maxCustomKeys = 15

func readView(q url.Values) (v view, err error) {
	if text := q.Get("include_fields"); text != "" {
		v.include = strings.Split(text, ",")
		for _, name := range v.include {
			if !slices.Contains(includable(), name) {
				return v, fmt.Errorf("include_fields: %q is not one that can be included", name)
			}
		}
	}
	if text := q.Get("custom_fields"); text != "" {
		if v.custom = strings.Split(text, ","); len(v.custom) > maxCustomKeys {
			return v, fmt.Errorf("custom_fields: must be at most %d", maxCustomKeys)
		}
	}
	return v, notSimulated(q, "include_option_labels", "include_labels")
}

// notSimulated refuses parameters that would change an answer in ways that are
// not simulated.
func notSimulated(q url.Values, names ...string) error {
	for _, name := range names {
		if text := q.Get(name); text != "" && text != "false" {
			return errors.New(name + ": is not simulated")
		}
	}
	return nil
}

// personFields returns the fields that the vendor always shows, and those of
// contact sync.
type personFields struct {
	ID         int64          `json:"id"`
	Name       string         `json:"name"`
	First      string         `json:"first_name"`
	Last       *string        `json:"last_name"`
	OwnerID    int64          `json:"owner_id"`
	OrgID      *int64         `json:"org_id"`
	AddTime    string         `json:"add_time"`
	UpdateTime string         `json:"update_time"`
	Emails     []Contact      `json:"emails"`
	Phones     []Contact      `json:"phones"`
	Deleted    bool           `json:"is_deleted"`
	VisibleTo  int64          `json:"visible_to"`
	LabelIDs   []int64        `json:"label_ids"`
	PictureID  *int64         `json:"picture_id"`
	Custom     map[string]any `json:"custom_fields"`
}

// shown returns a person as a request that asked for v sees it.
func (s *Server) shown(one Person, v view) any {
	fields := personFields{
		ID: one.ID, Name: one.Name, OwnerID: one.OwnerID, OrgID: one.OrgID, Deleted: !one.Deleted.IsZero(), VisibleTo: one.VisibleTo,
		AddTime: one.AddTime.UTC().Format(time.RFC3339), UpdateTime: one.UpdateTime.UTC().Format(time.RFC3339),
		Emails: orEmpty(one.Emails), Phones: orEmpty(one.Phones), LabelIDs: orEmpty(one.LabelIDs), Custom: map[string]any{},
	}
	first, last, more := strings.Cut(one.Name, " ")
	fields.First = first
	if more {
		fields.Last = &last
	}
	for key, value := range one.Custom {
		if v.custom == nil || slices.Contains(v.custom, key) {
			fields.Custom[key] = value
		}
	}
	further := map[string]any{}
	if s.reads("persons_sync_fields", "kept") {
		for name, value := range one.Sync {
			further[name] = value
		}
	}
	for _, name := range v.include {
		further[name] = one.included(name)
	}
	if len(further) == 0 {
		return fields
	}
	return withMembers(fields, further)
}

// included returns an optional field. Nobody has deals, activities or mail
// here.
func (one Person) included(name string) any {
	switch {
	case name == "marketing_status":
		return one.Marketing
	case name == "doi_status":
		return 1
	case name == "smart_bcc_email":
		return companyDomain + "+person" + strconv.FormatInt(one.ID, 10) + "@pipedrivemail.com"
	case strings.HasSuffix(name, "_count"):
		return 0
	}
	return nil
}

// withMembers returns an object with more members at its end.
func withMembers(object any, further map[string]any) any {
	a, errA := json.Marshal(object)
	b, errB := json.Marshal(further)
	if errA != nil || errB != nil {
		return object
	}
	return json.RawMessage(slices.Concat(a[:len(a)-1], []byte(","), b[1:]))
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
