package sim

import "encoding/json"

// User is one user as GET /v1/users shows it.
type User struct {
	ID                int64    `json:"id"`
	Name              string   `json:"name"`
	DefaultCurrency   string   `json:"default_currency"`
	Locale            string   `json:"locale"` // date and number format, not the language
	Lang              int      `json:"lang"`
	Email             Text     `json:"email,omitzero"`
	Phone             Text     `json:"phone,omitzero"` // the caller sees only their own
	Activated         bool     `json:"activated"`
	LastLogin         Text     `json:"last_login,omitzero"` // YYYY-MM-DD HH:MM:SS, like the next two
	Created           string   `json:"created"`
	Modified          Text     `json:"modified,omitzero"` // only for callers with access to the account settings
	HasCreatedCompany bool     `json:"has_created_company"`
	Access            []Access `json:"access"`
	ActiveFlag        bool     `json:"active_flag"`
	TimezoneName      string   `json:"timezone_name"`
	TimezoneOffset    string   `json:"timezone_offset"`
	RoleID            int      `json:"role_id"`
	IconURL           Text     `json:"icon_url,omitzero"`
	IsYou             bool     `json:"is_you"`
	IsDeleted         bool     `json:"is_deleted"`
}

// Access says what a user may do in one of the vendor's apps.
type Access struct {
	App             string `json:"app"`
	Admin           bool   `json:"admin"`
	PermissionSetID string `json:"permission_set_id"`
}

// Text is a string that may be absent (the zero value) or null.
type Text struct {
	Set   bool // not absent
	Null  bool
	Value string
}

// Some returns a text with a value.
func Some(v string) Text { return Text{Set: true, Value: v} }

// Null returns a text that is null.
func Null() Text { return Text{Set: true, Null: true} }

// IsZero reports whether the text is absent, for omitzero.
func (t Text) IsZero() bool { return !t.Set }

// MarshalJSON writes the value or null.
func (t Text) MarshalJSON() ([]byte, error) {
	if t.Null {
		return []byte("null"), nil
	}
	return json.Marshal(t.Value)
}

// UnmarshalJSON reads a string or null.
func (t *Text) UnmarshalJSON(b []byte) error {
	*t = Text{Set: true}
	if string(b) == "null" {
		t.Null = true
		return nil
	}
	return json.Unmarshal(b, &t.Value)
}

const deletedText = "(deleted user)"

// forget reduces the user to the row that the vendor keeps of a permanently
// deleted one.
func (u *User) forget() {
	u.Name, u.Email, u.Phone, u.IconURL = deletedText, Some(deletedText), Some(deletedText), Some(deletedText)
	u.ActiveFlag, u.Activated, u.IsDeleted = false, false, true
	u.Access = []Access{}
}
