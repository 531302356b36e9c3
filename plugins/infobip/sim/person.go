package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Person is one profile as GET /people/2/persons shows it. Empty attributes are
// absent.
type Person struct {
	ID                int64          `json:"id"`
	CreatedAt         string         `json:"createdAt,omitempty"` // YYYY-MM-DDTHH:MM:SS, no zone
	ModifiedAt        string         `json:"modifiedAt,omitempty"`
	ExternalID        string         `json:"externalId,omitempty"`
	FirstName         string         `json:"firstName,omitempty"`
	LastName          string         `json:"lastName,omitempty"`
	MiddleName        string         `json:"middleName,omitempty"`
	Address           string         `json:"address,omitempty"`
	City              string         `json:"city,omitempty"`
	Country           string         `json:"country,omitempty"`
	Gender            string         `json:"gender,omitempty"`
	BirthDate         string         `json:"birthDate,omitempty"`
	PreferredLanguage string         `json:"preferredLanguage,omitempty"`
	ProfilePicture    string         `json:"profilePicture,omitempty"`
	Type              string         `json:"type,omitempty"`
	Origin            string         `json:"origin,omitempty"`
	ModifiedFrom      string         `json:"modifiedFrom,omitempty"`
	Tags              []string       `json:"tags"`
	CustomAttributes  map[string]any `json:"customAttributes,omitempty"`
	Contact           Contact        `json:"contactInformation"`

	NickName string `json:"-"` // version 3 writes it, version 2 does not show it
}

// Contact says how a person can be reached. The vendor's other channels are
// read-only, and the simulator lacks them.
type Contact struct {
	Phone []Phone `json:"phone,omitempty"`
	Email []Email `json:"email,omitempty"`
}

// Phone is a number in international format without a plus sign.
type Phone struct {
	Number string `json:"number"`
}

// Email is an address.
type Email struct {
	Address string `json:"address"`
}

const timeForm = "2006-01-02T15:04:05"

func (p Person) clone() Person {
	p.Tags = slices.Clone(p.Tags)
	p.CustomAttributes = maps.Clone(p.CustomAttributes)
	p.Contact.Phone = slices.Clone(p.Contact.Phone)
	p.Contact.Email = slices.Clone(p.Contact.Email)
	return p
}

// normalize converts values that Go code has put into p to the form of decoded
// JSON.
func (p *Person) normalize() error {
	if p.Tags == nil {
		p.Tags = []string{}
	}
	if len(p.CustomAttributes) == 0 {
		return nil
	}
	b, err := json.Marshal(p.CustomAttributes)
	if err != nil {
		return fmt.Errorf("custom attributes: %w", err)
	}
	v, err := decode(b)
	if err != nil {
		return fmt.Errorf("custom attributes: %w", err)
	}
	p.CustomAttributes, _ = v.(map[string]any)
	return nil
}

// attribute is one standard attribute: its rule, and the place in a person.
type attribute struct {
	name  string
	check check
	of    func(*Person) *string
}

// standard lists the attributes that a client may write. The same table serves
// validation, writing, sorting and filters.
func standard() []attribute {
	return []attribute{
		{"externalId", text(256), func(p *Person) *string { return &p.ExternalID }},
		{"firstName", text(255), func(p *Person) *string { return &p.FirstName }},
		{"lastName", text(255), func(p *Person) *string { return &p.LastName }},
		{"middleName", text(50), func(p *Person) *string { return &p.MiddleName }},
		{"address", text(256), func(p *Person) *string { return &p.Address }},
		{"city", text(50), func(p *Person) *string { return &p.City }},
		{"country", text(50), func(p *Person) *string { return &p.Country }},
		{"gender", oneOf("MALE", "FEMALE"), func(p *Person) *string { return &p.Gender }},
		{"birthDate", date, func(p *Person) *string { return &p.BirthDate }},
		{"preferredLanguage", language, func(p *Person) *string { return &p.PreferredLanguage }},
		{"profilePicture", picture, func(p *Person) *string { return &p.ProfilePicture }},
		{"type", oneOf("CUSTOMER", "LEAD"), func(p *Person) *string { return &p.Type }},
	}
}

// readOnlyMembers lists the members of a person that only the vendor sets.
func readOnlyMembers() []string {
	return []string{"id", "createdAt", "modifiedAt", "origin", "modifiedFrom", "computedAttributes", "integrations"}
}

// readOnlyChannels lists the parts of contactInformation that only the vendor
// sets.
func readOnlyChannels() []string {
	return []string{
		"appleBusinessChat", "facebook", "instagram", "instagramDm", "kakaoSangdam", "line", "liveChat", "openChannel",
		"push", "telegram", "tiktokBm", "twitter", "viberBots", "webpush", "whatsapp", "zaloFollower",
	}
}

// identityTypes lists the values of the parameter type. All but the first four
// need a sender.
func identityTypes() []string {
	return []string{
		"ID", "EXTERNAL_ID", "PHONE", "EMAIL", "LINE", "FACEBOOK", "TELEGRAM", "PUSH", "WEB_PUSH", "LIVE_CHAT", "VIBER_BOTS", "INSTAGRAM",
		"INSTAGRAM_DM", "TWITTER", "APPLE_BUSINESS_CHAT", "KAKAO_SANGDAM", "OPEN_CHANNEL", "ZALO_FOLLOWER", "TIKTOK_BM", "WHATSAPP",
	}
}

// shown returns p as the reading empty_attributes shows it.
func (s *Server) shown(p Person) any {
	if !s.readings.Is("empty_attributes", "null") {
		return p
	}
	members := map[string]any{}
	b, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(b, &members)
	}
	if err != nil {
		panic(fmt.Sprintf("person %d cannot be encoded: %v", p.ID, err)) // it holds strings and decoded JSON only
	}
	members["id"] = p.ID
	for _, a := range standard() {
		if _, ok := members[a.name]; !ok {
			members[a.name] = nil
		}
	}
	return members
}
