package config

import "github.com/rollcall-agent/rollcall/agent/internal/plan"

// The enumerations that only this package uses list their values here. The
// others belong to the packages whose decisions they name, such as plan.Action,
// and list their values there.

// Values lists the levels.
func (LogLevel) Values() []string {
	return []string{string(LogDebug), string(LogInfo), string(LogWarn), string(LogError)}
}

// Values lists the forms.
func (LogFormat) Values() []string { return []string{string(LogText), string(LogJSON)} }

// Values lists the ways to authenticate.
func (DirectoryAuth) Values() []string { return []string{string(DirectorySimple)} }

// Values lists the kinds of authorization.
func (Auth) Values() []string {
	return []string{string(AuthOAuth2), string(AuthBasic), string(AuthAPIKey), string(AuthBearer), string(AuthSession)}
}

// Values lists the methods.
func (Method) Values() []string { return []string{string(MethodGet), string(MethodPost)} }

// Values lists the modes.
func (Mode) Values() []string { return []string{string(ModeFull), string(ModeChanges)} }

// Values lists the ways of paging.
func (RepeatStyle) Values() []string {
	return []string{
		string(RepeatNone), string(RepeatCursor), string(RepeatOffset), string(RepeatPage),
		string(RepeatNextURL), string(RepeatLinkHeader),
	}
}

// Values lists the categories.
func (Category) Values() []string {
	return []string{
		string(CategoryCreate), string(CategoryUpdate), string(CategoryLifecycle),
		string(CategoryDisable), string(CategoryDelete), string(CategoryAudit),
	}
}

// Values lists the kinds of joins.
func (JoinKind) Values() []string { return []string{string(JoinLeft), string(JoinInner)} }

// Values lists the ways to merge.
func (Merge) Values() []string { return []string{string(MergeReplace), string(MergeAdd)} }

// Values lists the authorities.
func (Authority) Values() []string {
	return []string{string(AuthorityApplication), string(AuthorityDirectory)}
}

// Values lists what an automation may decide.
func (Owns) Values() []string { return []string{string(OwnsAccount)} }

// Values lists the methods.
func (WebhookMethod) Values() []string { return []string{"GET", "POST", "PUT", "PATCH", "DELETE"} }

// Values lists the formats.
func (MessageType) Values() []string {
	return []string{string(MessageNone), string(MessageJSON), string(MessageForm), string(MessageXML), string(MessageText)}
}

// Values lists the triggers.
func (Trigger) Values() []string { return []string{string(TriggerSchedule), string(TriggerDirectory)} }

// laterValues lists the values that the documentation describes and this version
// refuses.
func laterValues(w word) []string {
	switch w.(type) {
	case DirectoryAuth:
		return []string{"gssapi"}
	case plan.Action:
		return []string{"enable", "disable", "move", "groups", "delete", "audit"}
	case plan.MissingAction:
		return []string{"delete"}
	case Owns:
		return []string{"attributes"}
	}
	return nil
}
