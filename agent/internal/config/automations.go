package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/robfig/cron/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Automation is one table [automations.NAME]: it says what is done in the
// directory with a data source, and when.
type Automation struct {
	Name string `toml:"-"`
	Pos  Pos    `toml:"-"`

	DataSource string      `toml:"data_source"`
	Action     plan.Action `toml:"action"`
	Schedule   string      `toml:"schedule"` // cron's five fields; "": runs only by hand
	OU         *Text       `toml:"ou"`       // a template
	Groups     []Text      `toml:"groups"`   // templates
	// EnableWhen and DisableWhen are expressions over the record, like where of the
	// data source.
	EnableWhen  *Text `toml:"enable_when"`
	DisableWhen *Text `toml:"disable_when"`

	Password Password      `toml:"password"`
	Match    []string      `toml:"match"`
	Adopt    Adopt         `toml:"adopt"`
	Missing  Missing       `toml:"missing"`
	Limits   Limits        `toml:"limits"`
	Approval plan.Approval `toml:"approval"`
	Owns     Owns          `toml:"owns"`
	After    After         `toml:"after"`

	Trigger       Trigger          `toml:"trigger"` // "": DataSource and Action say what is done
	On            []string         `toml:"on"`      // of TriggerDirectory: see Events
	Object        ident.ObjectKind `toml:"object"`  // of TriggerDirectory: what the change is about
	Base          ident.DN         `toml:"base"`    // of trigger: "" is the whole scope
	Where         *Text            `toml:"where"`
	Orchestration string           `toml:"orchestration"`
	Every         time.Duration    `toml:"every"` // 0: an object again only once it has left the filter

	// Mapper is the compiled mapping of the data source, with OU and Groups.
	Mapper *mapping.Mapper `toml:"-"`
	// Filter is Where, compiled.
	Filter *expr.Expression `toml:"-"`
	// Events is On, in its order.
	Events []ident.On `toml:"-"`
}

// Password is the key automations.NAME.password: the initial password of a new
// account.
type Password struct {
	Length     int  `toml:"length"`
	MustChange bool `toml:"must_change"`
	// Deliver names the orchestration that gets the password.
	Deliver string `toml:"deliver"`
}

// Adopt is the key automations.NAME.adopt: it says what happens to accounts that
// rollcall did not create. In the file it is a table, or a text that sets Mode.
type Adopt struct {
	Mode plan.Adopt `toml:"mode"`
	Move bool       `toml:"move"` // move the account into ou
}

// Missing is the key automations.NAME.missing.
type Missing struct {
	Action plan.MissingAction `toml:"action"`
	MoveTo ident.DN           `toml:"move_to"` // "": the account stays where it is
	// StripGroups takes the account out of its groups once it is disabled.
	StripGroups bool `toml:"strip_groups"`
}

// Owns says what an automation decides about an account.
type Owns string

// OwnsAccount means that the automation decides about the account's state and
// place.
const OwnsAccount Owns = "account"

func (l *loader) checkAutomation(in path, a Automation) {
	l.checkName(in)
	l.checkUntriggered(in)
	l.checkAfter(in, a)
	l.require(in, "data_source", "action")
	if l.has(in.with("data_source")) {
		l.exists(in.with("data_source"), "data source", a.DataSource, sortedKeys(l.config.DataSources))
	}
	l.checkAction(in, a)
	if a.Schedule != "" {
		l.checkSchedule(in.with("schedule"), a.Schedule)
	}
	l.inRange(in.with("password").with("length"), a.Password.Length, 12, 127)
	l.checkPlaces(in, a)
	l.checkAdopt(in.with("adopt"), a)
	l.checkMatch(in.with("match"), a)
	if at := in.with("limits").with("delete"); a.Limits.Delete != (plan.Limit{}) {
		l.fail(at, "a limit for deletes"+notAvailable, "no automation deletes anybody in this version")
	}
}

// checkAction checks that the data source's category allows the action, and
// reports settings that only other actions use.
func (l *loader) checkAction(in path, a Automation) {
	allowed := map[plan.Action][]Category{
		plan.ActionCreate:    {CategoryCreate, CategoryLifecycle},
		plan.ActionUpdate:    {CategoryUpdate, CategoryLifecycle},
		plan.ActionLifecycle: {CategoryLifecycle},
	}
	category := l.config.DataSources[a.DataSource].Category
	if categories, ok := allowed[a.Action]; ok && category != "" && !slices.Contains(categories, category) {
		l.fail(in.with("action"), fmt.Sprintf("action %q cannot use data source %q, whose category is %q", a.Action, a.DataSource, category),
			"categories that allow it: "+joinAll(categories))
	}
	if a.Action.MakesAccounts() {
		l.require(in, "ou")
		l.checkCreates(in.with("data_source"), a)
	}
	unused := map[plan.Action][]string{
		plan.ActionCreate: {"missing", "enable_when", "disable_when"},
		plan.ActionUpdate: {"ou", "groups", "password", "missing", "enable_when", "disable_when"},
	}
	for _, key := range unused[a.Action] {
		if l.has(in.with(key)) {
			l.failKey(in.with(key), fmt.Sprintf("%s has no effect with action = %q", key, a.Action), "remove it")
		}
	}
}

// checkCreates requires the attributes without which no account can be created.
func (l *loader) checkCreates(at path, a Automation) {
	d, ok := l.config.DataSources[a.DataSource]
	if !ok || len(d.Attributes) == 0 {
		return
	}
	var missing []string
	for _, names := range [][]string{{"sAMAccountName"}, {"displayName", "cn"}} {
		mapped := func(n string) bool {
			return slices.ContainsFunc(sortedKeys(d.Attributes), func(have string) bool { return text.Same(n, have) })
		}
		if !slices.ContainsFunc(names, mapped) {
			missing = append(missing, strings.Join(names, " or "))
		}
	}
	if len(missing) > 0 {
		l.fail(at, fmt.Sprintf("action %q makes accounts: data source %q must map %s", a.Action, d.Name, strings.Join(missing, ", and ")), "")
	}
}

// checkSchedule requires a cron expression that matches at least one point in
// time.
func (l *loader) checkSchedule(at path, spec string) {
	const form = `five fields: minute, hour, day of month, month, day of week; every 15 minutes is "*/15 * * * *"`
	if strings.HasPrefix(spec, "TZ=") || strings.HasPrefix(spec, "CRON_TZ=") {
		l.fail(at, "schedule names a time zone; schedules are in the machine's local time", "")
		return
	}
	s, err := cron.ParseStandard(spec)
	switch n := len(strings.Fields(spec)); {
	case err != nil && n == 6:
		l.fail(at, fmt.Sprintf("schedule is %q, which has six fields", spec), "there are no seconds: leave the first field out; "+form)
	case err != nil && n != 5:
		count := fmt.Sprintf("%d fields", n)
		if n == 1 {
			count = "one field"
		}
		l.fail(at, fmt.Sprintf("schedule is %q, which has %s", spec, count), form)
	case err != nil:
		l.fail(at, fmt.Sprintf("schedule is %q: %v", spec, err), form)
	}
	if err != nil {
		return
	}
	if s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		l.fail(at, fmt.Sprintf("schedule %q never comes", spec), form)
	}
}

// checkPlaces checks the DNs that are written out. What a template gives is
// checked at each write.
func (l *loader) checkPlaces(in path, a Automation) {
	if a.OU != nil && isConstant(a.OU.Text) {
		l.checkPlace(in.with("ou"), "ou", a.OU.Text)
	}
	for i, g := range a.Groups {
		if !isConstant(g.Text) {
			continue
		}
		l.checkGroup(in.with("groups").item(i), g.Text)
	}
	at := in.with("missing").with("move_to")
	if !isConstant(string(a.Missing.MoveTo)) {
		l.fail(at, "move_to must not hold an expression: everybody goes to one place", "")
	} else if a.Missing.MoveTo != "" && !l.config.Directory.inScope(a.Missing.MoveTo) {
		l.fail(at, fmt.Sprintf("move_to %q is outside of scope", a.Missing.MoveTo), l.outside(a.Missing.MoveTo))
	}
	for _, key := range []string{"move_to", "strip_groups"} {
		at := in.with("missing").with(key)
		if l.has(at) && a.Missing.Action == plan.MissingKeep && !l.failed[in.with("missing").with("action").index()] {
			l.failKey(at, key+` has no effect with action = "keep"`, `set action = "disable"`)
		}
	}
}

// outside returns the hint for a DN outside of scope. It suggests a container of
// the scope when the DN looks like a misspelling of it: all parts but one are
// the same, and that one differs in a letter or two.
func (l *loader) outside(dn ident.DN) string {
	for _, s := range l.config.Directory.Scope {
		theirs, ours := strings.Split(string(s), ","), strings.Split(string(dn), ",")
		ours = ours[max(0, len(ours)-len(theirs)):]
		unlike := 0
		for i := range ours {
			if d := levenshtein.Distance(text.Lower(theirs[i]), text.Lower(ours[i]), nil); d > 2 || len(ours) != len(theirs) {
				unlike = len(ours) + 1
			} else if d > 0 {
				unlike++
			}
		}
		if unlike == 1 {
			return fmt.Sprintf("did you mean %q? scope in [directory] lists what rollcall may change", s)
		}
	}
	return "scope in [directory] lists what rollcall may change"
}

// checkGroup requires a group in scope that is not privileged.
func (l *loader) checkGroup(at path, text string) {
	if dn, ok := l.checkPlace(at, "groups", text); ok && l.privileged(dn) {
		l.fail(at, fmt.Sprintf("%q is a privileged group: rollcall never adds anyone to it", dn),
			"choose another group, or name it in allow_protected of [directory]")
	}
}

func (l *loader) checkPlace(at path, what, text string) (ident.DN, bool) {
	dn, err := ident.ParseDN(text)
	switch {
	case err != nil || text == "":
		l.fail(at, fmt.Sprintf("%s holds %q, which is not a distinguished name", what, text),
			fmt.Sprintf("like %q: names with what they are, parted by commas", "OU=Staff,"+string(l.config.Directory.BaseDN)))
		return "", false
	case !l.config.Directory.inScope(dn):
		l.fail(at, fmt.Sprintf("%s holds %q, which is outside of scope", what, text), l.outside(dn))
		return "", false
	}
	return dn, true
}

// privileged reports whether dn is a privileged group, by its English name or by
// protected_groups. Groups with renamed or translated names, and groups nested
// in privileged ones, are recognised once the directory is read.
func (l *loader) privileged(dn ident.DN) bool {
	d := l.config.Directory
	if slices.ContainsFunc(d.AllowProtected, dn.EqualFold) {
		return false
	}
	return ident.PrivilegedName(dn.Name()) || slices.ContainsFunc(d.ProtectedGroups, dn.EqualFold)
}

// checkAdopt checks the mode, and that the action can move accounts when move is
// set.
func (l *loader) checkAdopt(at path, a Automation) {
	modes := a.Adopt.Mode.Values()
	switch {
	case !slices.Contains(modes, string(a.Adopt.Mode)):
		l.fail(at, fmt.Sprintf("adopt is %q; it must be %s", a.Adopt.Mode, oneOf(modes)), "")
	case !a.Adopt.Move:
	case a.Action != plan.ActionLifecycle:
		l.failKey(at.with("move"), fmt.Sprintf("move has no effect with action = %q: only lifecycle moves accounts", a.Action), "remove it")
	case a.Adopt.Mode == plan.AdoptNever:
		l.failKey(at.with("move"), `move has no effect with mode = "never"`, "remove it")
	}
}

// checkMatch requires attributes that the data source maps.
func (l *loader) checkMatch(at path, a Automation) {
	if !l.has(at) && a.Action.MakesAccounts() {
		l.warnings = append(l.warnings, Warning{
			Pos: a.Pos, Key: at.String(),
			Message: fmt.Sprintf("automation %s makes accounts without match: whoever has one already gets a second", a.Name),
			Hint:    `match = ["mail"] finds accounts that exist; match = [] says that nobody has one`,
		})
	}
	d, ok := l.config.DataSources[a.DataSource]
	if !ok || len(d.Attributes) == 0 {
		return
	}
	known := sortedKeys(d.Attributes)
	for i, name := range a.Match {
		if name != "" && !slices.ContainsFunc(known, func(k string) bool { return text.Same(k, name) }) {
			l.fail(at.item(i), fmt.Sprintf("match holds %q, which data source %q does not map", name, d.Name), suggest(name, known))
		}
	}
}

// isConstant reports whether a template has no expression in it.
func isConstant(text string) bool { return !strings.Contains(text, "{{") }

func joinAll[S ~string](values []S) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}
