-- What a store of version 17 holds. The two journal lines are as that version wrote them.
INSERT INTO links VALUES ('crm', 'user', '1', 'guid-1', 'staff', 'created', 1767323045000000006, 'OU=Staff,DC=c', 0, '{"sn":"d"}', 0, '', '', '', 1, '', '', '["guid-8"]');
INSERT INTO links VALUES ('crm', 'person', '1', 'guid-2', '', 'outbound', 1767323045000000006, '', 0, 'null', 0, '', '', '', 0, 'leaver', '', '["guid-8"]');
INSERT INTO link_peaks VALUES ('staff', 20513, 120);
INSERT INTO meta VALUES ('cursor', '7');
INSERT INTO leases VALUES ('staff', 'dead', 4, 1767323045000000006);
INSERT INTO runs VALUES (1, 'staff', 'scheduled', 'schedule', 1767323045000000006, 0, 'running', '', '', 'crm', '');
INSERT INTO outcomes VALUES (1, 1, NULL, 'staff', 'crm', '2', 'guid-2', 'CN=Bo,DC=c', 'Bo', 'disable', 'd1',
    '{"class":"disable","reason":"missing","verdict":"hold","digest":"d1"}', 'held', 0, '', '', '', 1767323045000000006, 0, 1, 'user', '');
INSERT INTO intents VALUES (1, 1, 'staff', 'crm', '3', '', 'CN=Cy,DC=c', 'Cy', 'dc1', 'crm:3',
    '{"class":"create","reason":"new","verdict":"apply","digest":"d2"}', 'null', x'7365616c6564', 'schedule', NULL, 1767323045000000006, 'user', '', 0, '');
INSERT INTO quarantine VALUES ('staff', 0, '9', 'Di', 'no mail', 'add one', '', '');
INSERT INTO secrets VALUES ('token', x'01');
INSERT INTO mirror VALUES (1, 'guid-0', 'DC=c', 'dc=c', '', 'c', NULL, 0, 1, NULL);
INSERT INTO mirror VALUES (2, 'guid-1', 'CN=Ada,DC=c', 'cn=ada,dc=c', 'dc=c', 'ada', 1, 0, 1, NULL);
INSERT INTO mirror_values VALUES (2, 'sn', 0, x'4e6f76616b', x'6e6f76616b', NULL);
UPDATE mirror_state SET revision = 1, cookie = x'636f6f6b6965', server = 'dc1', spec = 's', complete = 1, synced = 1767323045000000006;
INSERT INTO journal VALUES (1,
    '{"seq":1,"at":"2026-03-01T12:00:00Z","kind":"link","automation":"staff","application":"crm","by":"ada","link":{"application":"crm","key":"1","guid":"guid-1","automation":"staff","origin":"created","created":"2026-01-02T03:04:05.000000006Z"}}',
    x'94a5892cecfe8d2a3466a73a1e1cf8800abf9bd95b9d4234463b70d7e3949d55');
INSERT INTO journal VALUES (2,
    '{"seq":2,"at":"2026-03-01T12:00:00Z","kind":"run","automation":"staff","by":"schedule","run":1,"text":"scheduled: running"}',
    x'ce7dc643f45d973730245a208081a5c9976dfe5a04b57ce2a92b56431fbac8e8');
UPDATE journal_head SET seq = 2, hash = x'ce7dc643f45d973730245a208081a5c9976dfe5a04b57ce2a92b56431fbac8e8';
INSERT INTO positions VALUES ('staff', 'crm', 'changes', 'c0ffee', 'page-7', 1767323045000000006, 1);
INSERT INTO retained VALUES (1, 'staff', 1, '9', 0, '{"endpoint":"changes","key":"9","fields":{"name":"Di"}}');
INSERT INTO ledger VALUES ('crm', 'spent 7');
INSERT INTO accepted VALUES ('staff', '9', 'account', 'disabled by somebody else', 'ada', 1767323045000000006);
INSERT INTO refusals VALUES ('staff', '9', 'title', 'c0ffee', 'title: refused', 'shorten it', 2, 1767323045000000006, '');
INSERT INTO definitions VALUES ('c8026711e10c4e095dbcf6503dcda4f94dfa458fa5caebfc64bd979047e2b447', '{"name":"leaver"}');
INSERT INTO instances VALUES (3, 'leaver', 'c8026711e10c4e095dbcf6503dcda4f94dfa458fa5caebfc64bd979047e2b447', 'staff', 'after disabled', 1, 'schedule', '', 0,
    'guid-1', 'CN=Ada,DC=c', 'Ada', 'delivering', 'deactivate', '', '', 0, 1, 2, 1767323045000000006, 1767323045000000006, 1767323045000000006, 1767323045000000006, 0, 'null', '{"turn":1}', 0);
INSERT INTO deliveries VALUES (4, 3, 'leaver', 'deactivate', 'crm/off', 'crm', 'guid-1', 'CN=Ada,DC=c', 'Ada', 'retrying', 0, 1, 1, 1, 1767323045000000006,
    1767323045000000006, 1767323045000000006, 0, x'63616c6c', 'PUT /users/7', 503, 'down', '503', '');
INSERT INTO story VALUES (1, 3, 4, 1767323045000000006, 'deactivate', 1, '', '', 503, 'down', 'retrying', '503', '');
INSERT INTO initial_passwords VALUES (3, x'7365616c6564');
INSERT INTO starts VALUES ('stale', 'guid-1', 1767323045000000006, 1);
INSERT INTO echoes VALUES (1, 'guid-1', '', 'state', '8042be084a52f999fd9af63a9b062e45', '{"automation":"staff","orchestration":"leaver","instance":3,"run":1,"hops":1}', 'dc1', 0, 1767323045000000006);
INSERT INTO receipts VALUES (5, 'crm', 'd-1', 1767323045000000006, 'change', 'user', '7', x'7b7d', 2, 'open', 3, 1, 1767323045000000006, 0, 'down');
INSERT INTO receipt_tries VALUES (5, 'groups', 4, 1767323045000000006);
INSERT INTO receipt_runs VALUES (5, 'staff', 3, 0, 1767323045000000006);
INSERT INTO link_changes VALUES (1, 1767323045000000006, 'crm', 'user', '1', 'guid-1', 1, 'staff', '', 'created', 1, 'ada');
INSERT INTO link_changes VALUES (2, 1767323045000000007, 'crm', 'user', '9', 'guid-1', 0, 'staff', '', 'manual', 0, 'ada');
INSERT INTO mirror_deleted (guid, at) VALUES ('guid-9', 1767323045000000006);
INSERT INTO mirror_before VALUES (1, 'guid-1', 'CN=A,DC=c', '{"sn":["Old"]}');
INSERT INTO mirror_members VALUES ('guid-8', 'cn=ada,dc=c', 'CN=Ada,DC=c', '', 1);
INSERT INTO mirror_former VALUES ('cn=a,dc=c', 'guid-1', 0);
UPDATE mirror_state SET events = 1;
INSERT INTO events (id, at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, open) VALUES (5, 1767323045000000006, 'user', 'guid-1', 'CN=Ada,DC=c', 'CN=A,DC=c', 'ada', '', '', '',
    '[{"kind":"renamed","old":["CN=A,DC=c"],"new":["CN=Ada,DC=c"]},{"kind":"modified","attribute":"logo","new":null,"binary":true,"old":["/wA="]}]',
    '{"sn":["Novak"],"logo":{"binary":["/w=="]}}', '', 1);
INSERT INTO subscriptions VALUES ('crm', 'registered', '77', 'https://rollcall.example.com/crm', 'crm', '@{env:HOOK}', 'ada', 1767323045000000006, 1767323045000000006, '', 1, 1767323045000000006, 'gone', 1, '["70"]', '');
INSERT INTO events (id, at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, open) VALUES (6, 1767323045000000007, 'user', 'guid-1', 'CN=Ada,DC=c', 'CN=Ada,DC=c', 'ada', '', '', '', '[{"kind":"disabled"}]', '{}', '', 0);
INSERT INTO event_verdicts VALUES (6, 'leavers', 'aside', 0, 'where has no value', 'correct where', 1767323045000000008);
INSERT INTO attachments VALUES ('staff', '1', 'thumbnailPhoto', 'https://pictures.example.com/1.jpg', '"e1"', '', 'd1', '', '', '', 1767323045000000006);
INSERT INTO dependents VALUES ('staff', 'role', '1', 'd1', 1767323045000000006, '[{"endpoint":"role","key":"1","fields":{"n":7}}]');
