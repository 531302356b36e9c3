package config

func describeWebhooks() map[string]string {
	return map[string]string{
		"webhooks.NAME.description": "For people.",
		"webhooks.NAME.application": "Which application is called; with from it is known.",
		"webhooks.NAME.from": "A webhook of a connector to start from, as APPLICATION/WEBHOOK; every key set here replaces its own, " +
			"params and headers one by one.",
		"webhooks.NAME.method":       "HTTP method; POST without it.",
		"webhooks.NAME.path":         "Below the base URL; a template.",
		"webhooks.NAME.url":          "In place of path, on a host that the connector may reach; a template whose host is written out.",
		"webhooks.NAME.params":       "Query parameters.",
		"webhooks.NAME.headers":      "Request headers.",
		"webhooks.NAME.message_type": "Format of the body; json without it, none without a body.",
		"webhooks.NAME.body": "The body. In json a {{ }} within quotes is text, and elsewhere a value that keeps its type; " +
			"it must be JSON whatever the values are, and in xml well-formed with values in text and in attributes only.",
		"webhooks.NAME.link_key": "JSON pointer to the key in the answer of a create, or in a result of a search; it becomes the link.",
		"webhooks.NAME.link_records": "Of a search: JSON pointer to the list of results. " +
			"One result makes the link, none makes none, several are an error.",
		"webhooks.NAME.link_match": "Of a search: values that the result must have, by JSON pointer; letter case does not matter.",
		"webhooks.NAME.ends_link": "Whether the record of the link is gone once the webhook has succeeded: the link is removed then, " +
			"unless an automation made it from that application's records.",
		"webhooks.NAME.kind": "Kind of the link that link means and link_key makes; user unless the connector says otherwise. " +
			"One object has one link of a kind with an application.",
		"webhooks.NAME.repeatable": "Whether sending it twice does no more than sending it once.",
		"webhooks.NAME.cost":       "Tokens of the daily budget that one request takes; 1 unless the connector says otherwise.",
		"webhooks.NAME.verify.method": "A request that is made before a create is sent again: " +
			"whether the first one succeeded.",
		"webhooks.NAME.verify.path":    "Below the base URL; a template.",
		"webhooks.NAME.verify.url":     "In place of path; a template.",
		"webhooks.NAME.verify.params":  "Query parameters.",
		"webhooks.NAME.verify.found":   "JSON pointer to a value that is there when the create succeeded; without it every 2xx answer counts.",
		"webhooks.NAME.verify.records": "JSON pointer to a list of candidates, such as the results of a search.",
		"webhooks.NAME.verify.match":   "Values that the right candidate has, by JSON pointers within it.",
		"webhooks.NAME.verify.cost":    "Tokens of the daily budget that the request takes.",
		"webhooks.NAME.verify.always":  "Whether to ask before the first attempt too.",
	}
}

func describeOrchestrations() map[string]string {
	return map[string]string{
		"orchestrations.NAME.description": "For people.",
		"orchestrations.NAME.on_error": "What follows a step that is out of attempts: the instance waits for a person, " +
			"goes on, or goes to a step.",
		"orchestrations.NAME.cancel_when": "An expression, looked at before each step and after each delay: true ends the instance.",
		"orchestrations.NAME.within":      "How long an instance may take as a whole; then it fails.",
		"orchestrations.NAME.limits.update": "How many updates its directory steps may make in 24 hours, " +
			"of the users in scope; what exceeds it is held.",
		"orchestrations.NAME.limits.rename":  "In 24 hours.",
		"orchestrations.NAME.limits.move":    "In 24 hours.",
		"orchestrations.NAME.limits.enable":  "In 24 hours.",
		"orchestrations.NAME.limits.disable": "In 24 hours.",
		"orchestrations.NAME.limits.delete":  "In 24 hours; 0 holds each of them.",
		"orchestrations.NAME.limits.groups":  "In 24 hours; each group counts.",
		"orchestrations.NAME.steps.name":     "What expressions (steps.NAME), goto and reports call the step; step1, step2 and so on without it.",
		"orchestrations.NAME.steps.if":       "An expression; when it is false, the step is skipped.",
		"orchestrations.NAME.steps.webhook": "A webhook of this configuration, or one of a connector as APPLICATION/WEBHOOK. " +
			"A step has exactly one of webhook, directory, mail, command, delay and wait_until.",
		"orchestrations.NAME.steps.directory.action": "What is done with the object in the directory, " +
			"under the same scope, protection and limits as a run.",
		"orchestrations.NAME.steps.directory.attributes": "Of update: the new values.",
		"orchestrations.NAME.steps.directory.ou":         "Of move: where to.",
		"orchestrations.NAME.steps.directory.groups":     "Of add_groups and remove_groups; never a privileged group.",
		"orchestrations.NAME.steps.mail.to":              "Who gets the mail.",
		"orchestrations.NAME.steps.mail.cc":              "Who gets a copy.",
		"orchestrations.NAME.steps.mail.subject":         "The subject.",
		"orchestrations.NAME.steps.mail.text":            "The text; text, html or both.",
		"orchestrations.NAME.steps.mail.html":            "The text as HTML; values in it are escaped.",
		"orchestrations.NAME.steps.command": "A program and its arguments, run without a shell; " +
			"only a program that allow_commands of [agent] names.",
		"orchestrations.NAME.steps.delay": "Waits that long.",
		"orchestrations.NAME.steps.wait_until": "An expression; waits until it is true. It is looked at again after 30 seconds, " +
			"then ever more rarely, every 15 minutes at last. `ad` is null once the object is gone: `ad == null` may be part of it.",
		"orchestrations.NAME.steps.deadline":       "How long wait_until waits; then the step has failed.",
		"orchestrations.NAME.steps.on_error":       "In place of the orchestration's.",
		"orchestrations.NAME.steps.retry.attempts": "How often the step is tried, the first time included.",
		"orchestrations.NAME.steps.retry.backoff":  "Time before the second attempt; it doubles with each further one.",
		"orchestrations.NAME.steps.retry.max": "The longest time between two attempts, " +
			"unless the application asks for more (`Retry-After`).",
	}
}

func describeMail() map[string]string {
	return map[string]string{
		"mail.url": "The server that takes the mails: smtps://, or smtp:// with STARTTLS, which is required; " +
			"clear text only to a loopback address.",
		"mail.from":     "The sender.",
		"mail.username": "For the login; without it none is tried.",
		"mail.password": "Its password.",
		"mail.ca_file":  "PEM file of the authorities that signed the server's certificate; without it the system's.",
	}
}

func describeTriggers() map[string]string {
	const follows = "The orchestration that follows for the object, after the change is written."
	return map[string]string{
		"automations.NAME.trigger": "What starts orchestration, in place of data_source and action: " +
			"schedule takes the users of the directory that fit base and where, at certain times; " +
			"directory takes each user or group that somebody changes, with whatever tool.",
		"automations.NAME.on": "Of trigger = \"directory\": the kinds of changes: created, restored, deleted, enabled, disabled, " +
			"moved, renamed, modified, modified(ATTRIBUTE, ...), member_added, member_removed. " +
			"modified alone takes the usual attributes and all that the configuration names.",
		"automations.NAME.object": "Of trigger = \"directory\": what the change is about; user without it. " +
			"A membership is about the member.",
		"automations.NAME.base": "Of a trigger: below which DN the objects are, within scope; the whole scope without it. " +
			"A change counts when the former or the present DN is below it.",
		"automations.NAME.where": "Of a trigger: an expression over ad, manager, links and now; " +
			"with trigger = \"directory\" also over old and change.",
		"automations.NAME.orchestration": "Of a trigger: what is started for each object.",
		"automations.NAME.every": "Of a trigger: one object at most this often; " +
			"without it again only once it has left the filter.",
		"automations.NAME.after.created":  follows,
		"automations.NAME.after.updated":  follows,
		"automations.NAME.after.disabled": follows,
		"automations.NAME.after.enabled":  follows,
		"automations.NAME.after.moved":    follows,
		"automations.NAME.after.renamed":  follows,
		"automations.NAME.after.deleted":  "No automation deletes anybody in this version, so nothing follows yet.",
		"automations.NAME.password.deliver": "The orchestration that gets the initial password as password, and delivers it. " +
			"It is started for each account that is created, once, also when after.created names it too. Without it nobody knows the password.",
		"automations.NAME.limits.start": "Orchestrations started in 24 hours; a percentage is of the users below base or of the linked ones. " +
			"What exceeds it is held.",
	}
}

func describeReceiver() map[string]string {
	return map[string]string{ //nolint:gosec // names of settings, not their values
		"receiver.listen": "Address and port at which applications tell of changes; nothing listens without it.",
		"receiver.url": "The address by which applications reach the receiver, https; " +
			"an application sends to it, a slash and its own name.",
		"receiver.tls.cert_file": "PEM file of the receiver's certificate with its chain, read again when it changes; " +
			"without it plain HTTP, on a loopback address only.",
		"receiver.tls.key_file": "PEM file of its key.",
		"receiver.max_body_kib": "The largest delivery that is taken, in KiB.",
		"receiver.max_age": "Deliveries that tell of something older are refused, " +
			"so that nobody can repeat what was recorded once; from 5m to 24h.",
		"applications.NAME.receiver.enabled":  "Whether the application may tell of changes by itself, at `[receiver]`.",
		"applications.NAME.receiver.username": "For HTTP Basic, as the application will send it.",
		"applications.NAME.receiver.password": "For HTTP Basic; 16 characters or more, and used for nothing else.",
		"applications.NAME.receiver.secret": "For a connector that authenticates deliveries by a header or a signature; " +
			"16 characters or more.",
	}
}
