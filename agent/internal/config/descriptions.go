package config

import "maps"

// descriptions holds one sentence for each key of Reference.
func descriptions() map[string]string {
	all := describeSections()
	for _, more := range []map[string]string{
		describeApplications(), describeEndpoints(), describeDataSources(), describeAutomations(),
		describeWebhooks(), describeOrchestrations(), describeMail(), describeTriggers(), describeReceiver(),
	} {
		maps.Copy(all, more)
	}
	return all
}

func describeSections() map[string]string {
	return map[string]string{ //nolint:gosec // names of settings, not their values
		"agent.state_dir":        "Links, runs and journal; only rollcall may read it.",
		"agent.modules_dir":      "The connectors (*.wasm).",
		"agent.include":          "More files, as patterns relative to this one; only in the main file.",
		"agent.listen":           "Address and port of /metrics, /livez and /readyz; \"\" turns it off.",
		"agent.allow_commands":   "Programs that steps of orchestrations may run, by absolute paths; none without it.",
		"agent.log.level":        "The least severe level that is logged.",
		"agent.log.format":       "The form of the log's lines.",
		"store.keep_runs":        "How long runs, orchestrations, changes of the directory and what applications sent are kept, or forever.",
		"store.staging_mib":      "What one fetch may deliver, in MiB; it lies in `staging.db` until its run has ended.",
		"store.keep_journal":     "How long lines of the journal are kept, or forever; at least as long as runs.",
		"secrets.master_key":     "Opens the encrypted store; without it a key file in state_dir is made on first use.",
		"modules.trusted_keys":   "Minisign public keys: connectors signed with one of them are loaded.",
		"modules.allow_unsigned": "Loads connectors without a signature too.",
		"modules.memory_mib":     "Memory that one call of a connector may use, in MiB.",
		"modules.call_timeout":   "Time for a stretch of a connector's code and for one request; waiting for a rate limit does not count.",
		"modules.fetch_timeout":  "Time for a whole fetch.",
		"modules.compile_timeout": "Processor time for compiling one connector, which happens when a new one is put into modules_dir. " +
			"By the clock it may take ten times as long, so that a busy machine refuses none.",
		"modules.compile_memory_mib": "Memory that compiling one connector may use, in MiB.",
		"modules.allow_downgrade":    "Names of connectors that may be replaced by an older version than one that has run before.",
		"directory.urls":             "The domain controllers, ldaps:// only; the next one is used when one is down.",
		"directory.base_dn":          "The DN of the domain.",
		"directory.global_catalog": "A global catalog, as `ldaps://gc.example.com`, port 3269 unless another is named; " +
			"what is unique in the forest is looked for there too, with the same account and authorities.",
		"directory.scope":         "Nothing outside of these places is ever written, groups included.",
		"directory.auth":          "How to bind.",
		"directory.bind_dn":       "The account to bind as: a DN, user@domain or DOMAIN\\user.",
		"directory.bind_password": "Its password.",
		"directory.ca_file":       "PEM file of the authorities that signed the domain controllers' certificates; without it the system's.",
		"directory.connections":   "Connections that write side by side.",
		"directory.anchor":        "The attribute in which an account remembers its application and key; it belongs to rollcall alone.",
		"directory.protected_groups": "Groups that are privileged beside those that rollcall knows: their members, nested ones too, " +
			"are never touched, and nobody is added to them.",
		"directory.allow_protected": "Protected accounts and groups that may be changed all the same; " +
			"a group in it protects its members no longer.",
		"directory.timeout": "Time for one LDAP request.",
	}
}

func describeApplications() map[string]string {
	return map[string]string{ //nolint:gosec // names of settings, not their values
		"applications.NAME.connector": "Name of the connector.",
		"applications.NAME.enabled": "Automations of an application that is not enabled do not run. " +
			"Changes in the directory that concern it are set aside.",
		"applications.NAME.auth":          "Kind of authorization; the connector must know it.",
		"applications.NAME.client_id":     "For oauth2, after consent or with client credentials.",
		"applications.NAME.client_secret": "For oauth2.",
		"applications.NAME.username":      "For basic and session.",
		"applications.NAME.password":      "For basic and session.",
		"applications.NAME.api_key":       "For api_key.",
		"applications.NAME.token":         "For bearer.",
		"applications.NAME.secrets.NAME": "A further secret that the connector declares; a reference, never the secret itself. " +
			"The connector does not see it.",
		"applications.NAME.settings":   "What the connector declares.",
		"applications.NAME.base_url":   "In place of the connector's; https, or http to a loopback address.",
		"applications.NAME.auth_url":   "In place of the connector's, for oauth2.",
		"applications.NAME.token_url":  "In place of the connector's, for oauth2.",
		"applications.NAME.rate_limit": "In place of the connector's, such as \"40/2s\".",
		"applications.NAME.daily_budget": "Tokens that a day has, in place of the connector's. " +
			"Reaching it pauses the application until the next day begins.",
		"applications.NAME.proxy": "URL of an HTTP proxy for all requests of the application, perhaps with a user name; " +
			"\"direct\" for none. Without it the agent's environment decides (HTTPS_PROXY, NO_PROXY).",
		"applications.NAME.hosts": "Further hosts that may be asked, without credentials, such as the one that has the pictures: " +
			"NAME, NAME:PORT, or \"*.DOMAIN\" for all below a domain.",
		"applications.NAME.proxy_password": "Password of the user in proxy.",
	}
}

func describeEndpoints() map[string]string {
	return map[string]string{
		"applications.NAME.endpoints.NAME.method":  "HTTP method.",
		"applications.NAME.endpoints.NAME.path":    "Below the base URL; a template.",
		"applications.NAME.endpoints.NAME.url":     "In place of path, on a host that the connector may reach; a template.",
		"applications.NAME.endpoints.NAME.params":  "Query parameters.",
		"applications.NAME.endpoints.NAME.headers": "Request headers.",
		"applications.NAME.endpoints.NAME.body": "Body of a POST; a template, which may name page.position, page.number and page.limit " +
			"(see Paging by configuration).",
		"applications.NAME.endpoints.NAME.message_type": "Format of the body: how its values are escaped, and the " +
			"Content-Type unless headers has one; " +
			"json unless this says otherwise.",
		"applications.NAME.endpoints.NAME.records": "JSON pointer to the list of records; \"\" is the whole answer.",
		"applications.NAME.endpoints.NAME.record":  "JSON pointer to the user within an element of the list.",
		"applications.NAME.endpoints.NAME.key": "JSON pointer to the primary key within a record, as the API has it; " +
			"primary_key of the data source counts.",
		"applications.NAME.endpoints.NAME.changed": "With for_each, a template over parent, such as the time of its last change: " +
			"while it gives the same, what came last is used again, for a day at most.",
		"applications.NAME.endpoints.NAME.for_each": "Calls the endpoint once for each record of the endpoint with this name, which its " +
			"templates know as parent; key is a template then, and the key of that record without it.",
		"applications.NAME.endpoints.NAME.kind": "Kind of the records and of their links, within which a key means one person; " +
			"user unless the connector says otherwise.",
		"applications.NAME.endpoints.NAME.mode": "Whether everybody is delivered or only changes; " +
			"with changes nobody is missing whom it does not report as deleted.",
		"applications.NAME.endpoints.NAME.keyed": "Records leads to an object whose members are the records, in place of a list.",
		"applications.NAME.endpoints.NAME.cost": "Tokens of the daily budget that one request takes; " +
			"1 unless the connector says otherwise.",
		"applications.NAME.endpoints.NAME.one.path": "The request for a single record, in place of the connector's: " +
			"its path below the base URL, a template that knows key.",
		"applications.NAME.endpoints.NAME.one.url":    "In place of path.",
		"applications.NAME.endpoints.NAME.one.params": "Query parameters.",
		"applications.NAME.endpoints.NAME.one.records": "JSON pointer to the record, or to a list that holds it; " +
			"\"\" is the whole answer.",
		"applications.NAME.endpoints.NAME.one.record":   "JSON pointer to the user within that.",
		"applications.NAME.endpoints.NAME.one.cost":     "Tokens of the daily budget that the request takes; 1 unless this says otherwise.",
		"applications.NAME.endpoints.NAME.repeat.style": "How the next page is asked for.",
		"applications.NAME.endpoints.NAME.repeat.param": "Query parameter that takes the position.",
		"applications.NAME.endpoints.NAME.repeat.next": "JSON pointer to the next position or URL; null, empty or " +
			"nothing there is the end.",
		"applications.NAME.endpoints.NAME.repeat.next_header": "Header of the answer that has the next position or URL, in place of next.",
		"applications.NAME.endpoints.NAME.repeat.more":        "JSON pointer to true or false: whether there is another page.",
		"applications.NAME.endpoints.NAME.repeat.until": "Expression over answer, page.number, page.records and page.total " +
			"that is true on the last page, " +
			"in place of more.",
		"applications.NAME.endpoints.NAME.repeat.limit_param": "Query parameter that takes the size of a page.",
		"applications.NAME.endpoints.NAME.repeat.limit":       "Size of a page.",
		"applications.NAME.endpoints.NAME.repeat.first":       "First offset (default 0) or page (default 1).",
		"applications.NAME.endpoints.NAME.repeat.max_empty": "Pages in a row that may bring no record that was not delivered before; " +
			"then the fetch is given up (default 100).",
		"applications.NAME.endpoints.NAME.repeat.max_pages": "Pages that the list may have; with more the fetch fails.",
		"applications.NAME.endpoints.NAME.repeat.total": "JSON pointer to the number of all records; when another number " +
			"came, the fetch fails. " +
			"The last answer that has one counts.",
		"applications.NAME.endpoints.NAME.repeat.total_header": "Header that has that number, in place of total.",
	}
}

func describeDataSources() map[string]string {
	return map[string]string{
		"lookups.NAME":                  "A table for lookup().",
		"data_sources.NAME.description": "For people.",
		"data_sources.NAME.category":    "Which actions may use it.",
		"data_sources.NAME.application": "Where the records come from.",
		"data_sources.NAME.endpoints": "The endpoints that deliver them. The first leads: its records are the people, and " +
			"those of the others are joined to them by the primary key, or by key of the endpoint where that is set.",
		"data_sources.NAME.join": "What becomes of a record for which a further endpoint has none: left goes on without it, " +
			"inner does nothing about it; it counts as present in any case.",
		"data_sources.NAME.primary_key": "The field whose value is the key of a record, in place of the endpoint's own key; " +
			"a JSON pointer such as \"/person/id\" for a field within another. It must be unique and must never change: links hold it.",
		"data_sources.NAME.where":                   "Who is in scope; what cannot be evaluated is quarantined, never excluded.",
		"data_sources.NAME.attributes.NAME.value":   "An expression, or a template; short form: NAME = \"...\".",
		"data_sources.NAME.attributes.NAME.formats": "Several forms: the first that is not in use is taken.",
		"data_sources.NAME.attributes.NAME.values":  "Several values of one attribute.",
		"data_sources.NAME.attributes.NAME.reference": "A primary key of the application: the attribute, such as manager, " +
			"names the account of that record.",
		"data_sources.NAME.attributes.NAME.references": "Several of them, for an attribute with several values.",
		"data_sources.NAME.attributes.NAME.attach": "The address of a JPEG picture, such as `user.icon_url`: the attribute, " +
			"thumbnailPhoto or jpegPhoto, gets the picture.",
		"data_sources.NAME.attributes.NAME.unique": "Where nobody else may have the value. " +
			"mail, proxyAddresses and userPrincipalName are unique in the forest unless this says none.",
		"data_sources.NAME.attributes.NAME.suffix":        "What is added when every form is in use.",
		"data_sources.NAME.attributes.NAME.apply":         "When the value is written.",
		"data_sources.NAME.attributes.NAME.on_missing":    "What happens when there is no value.",
		"data_sources.NAME.attributes.NAME.default":       "The value for on_missing = \"default\".",
		"data_sources.NAME.attributes.NAME.absent":        "Treats a field that was not delivered like null.",
		"data_sources.NAME.attributes.NAME.merge":         "Whether other values of the attribute are removed or stay.",
		"data_sources.NAME.attributes.NAME.authoritative": "Whether changes made by hand in the directory are put back or stay.",
		"data_sources.NAME.attributes.NAME.raw": "true: the value is written as it comes, " +
			"with the white space and the invisible characters at its ends; a blank text is a value.",
		"data_sources.NAME.attributes.NAME.encoding": "base64: the value is base64 text of the bytes to write, for thumbnailPhoto, " +
			"jpegPhoto or userCertificate.",
	}
}

func describeAutomations() map[string]string {
	return map[string]string{
		"automations.NAME.data_source": "The records and their mapping.",
		"automations.NAME.action":      "What is done with them.",
		"automations.NAME.schedule":    "Cron's five fields, in local time; without it only by hand.",
		"automations.NAME.ou":          "Where accounts belong; a template.",
		"automations.NAME.groups":      "Groups that accounts belong to; templates; never a privileged group.",
		"automations.NAME.enable_when": "Who may log in already, an expression like where: an account is made disabled until it holds, " +
			"and enabled then. One that is enabled stays so.",
		"automations.NAME.disable_when": "Who may log in no longer, an expression like where: the account is disabled while it holds, " +
			"and none is made.",
		"automations.NAME.password.length":      "Characters of the initial password.",
		"automations.NAME.password.must_change": "Whether it must be changed at the first logon.",
		"automations.NAME.match":                "Attributes by which accounts that exist are found, after link and anchor.",
		"automations.NAME.adopt.mode":           "How accounts that rollcall did not create are linked. adopt = \"auto\" is short for it.",
		"automations.NAME.adopt.move": "Whether an adopted account goes where ou puts it; " +
			"otherwise it stays until ou names another place for it.",
		"automations.NAME.missing.action":  "What happens to the account of somebody who is missing.",
		"automations.NAME.missing.move_to": "Where a disabled account goes; without it it stays.",
		"automations.NAME.missing.strip_groups": "Whether a disabled account leaves its groups, by a run after the one that disabled it; " +
			"a returner gets them back.",
		"automations.NAME.limits.create":  "In 24 hours.",
		"automations.NAME.limits.adopt":   "In 24 hours; see adopt too.",
		"automations.NAME.limits.update":  "In 24 hours; references count too.",
		"automations.NAME.limits.rename":  "In 24 hours.",
		"automations.NAME.limits.move":    "In 24 hours.",
		"automations.NAME.limits.enable":  "In 24 hours.",
		"automations.NAME.limits.disable": "In 24 hours.",
		"automations.NAME.limits.delete":  "In 24 hours; no automation deletes anybody in this version.",
		"automations.NAME.limits.groups":  "In 24 hours.",
		"automations.NAME.limits.source_shrink": "How much smaller than before a delivery may be before disables are held, " +
			"and how many of the linked keys may be absent before creates are, too.",
		"automations.NAME.approval": "Whether what exceeds a limit is refused or waits, or everything waits.",
		"automations.NAME.owns":     "What the automation decides about an account.",
	}
}
