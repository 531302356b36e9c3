package simkit

import "strings"

// Culture is a pool of names from one part of the world.
type Culture struct {
	first, last  []string
	stems, ends  []string // of composed surnames
	Locale       string
	Zone, Offset string // time zone and its offset
	Currency     string
}

func words(s string) []string { return strings.Fields(s) }

// cultures returns the pools. Their surnames are common ones; stems and ends
// make more, so that a large company is not full of equal names.
func cultures() []Culture {
	return []Culture{
		{
			words("Jan Petra Jiří Lucie Tomáš Kateřina Ondřej Žaneta Štěpán Zdeňka Matěj Božena"),
			words("Novák Svobodová Dvořák Černý Procházka Kučera Růžička Čížek Šťastný Křížová"),
			words("Hol Kadl Měch Říh Šim Tich Vlč Zbyn Hrab Mal"), words("ec ík ička ák ecký áček oň ský"),
			"cs_CZ", "Europe/Prague", "+01:00", "CZK",
		},
		{
			words("Łukasz Małgorzata Paweł Agnieszka Stanisław Żaneta Grzegorz Bożena Michał Święcisława"),
			words("Kowalska Wiśniewski Wójcik Kamiński Lewandowska Zieliński Dąbrowska Gołąb Żółć"),
			words("Brzęcz Chrząszcz Górn Jabłoń Krzyż Łab Mącz Ostrów Piąt"), words("ewski ak owska yk czyk ecka"),
			"pl_PL", "Europe/Warsaw", "+01:00", "PLN",
		},
		{
			words("Jürgen Käthe Hans-Peter Björn Ursula Günther Anna-Lena Klaus Sören Bärbel"),
			words("Müller Schröder Groß Weiß Jäger Köhler Vogel Kühn Strauß Schäfer"),
			words("Acker Birken Eichen Falken Grün Hohen König Lang Stein"), words("bach berg mann straß heim hüber feld"),
			"de_DE", "Europe/Berlin", "+01:00", "EUR",
		},
		{
			words("Søren Mette Åse Jørgen Kåre Bjørn Kirstine Ærø Ingrid Gøran"),
			words("Sørensen Ørsted Kjær Nygård Bøgh Aabye Skov Østergaard Lærke"),
			words("Bæk Dal Fjeld Gård Høj Lund Mø Vester"), words("gaard holm strøm by sen land"),
			"da_DK", "Europe/Copenhagen", "+01:00", "DKK",
		},
		{
			words("Şule İbrahim Gökhan Ayşe Çağrı Işıl Ömer Nağme Yiğit Gülşen"),
			words("Yılmaz Çelik Şahin Öztürk Kılıç Doğan Güneş Aydın Işık"),
			words("Ak Demir Gün Kara Öz Taş Yıl"), words("soy oğlu türk kaya taş er demir"),
			"tr_TR", "Europe/Istanbul", "+03:00", "TRY",
		},
		{
			[]string{"Minh Anh", "Thị Hương", "Đức", "Quốc Bảo", "Ngọc", "Thùy Dương", "Hữu Phước", "Ái"},
			words("Nguyễn Trần Lê Phạm Hoàng Võ Đặng Bùi Đỗ"),
			words("Tôn Âu Hoàng Đinh Lý"), words("thất phủ đình văn"),
			"vi_VN", "Asia/Ho_Chi_Minh", "+07:00", "VND",
		},
		{
			words("José María Íñigo Begoña Álvaro Nuria João Conceição Beatriz Ramón"),
			[]string{"García Márquez", "Núñez", "Ibáñez de la Cruz", "Peña", "Gonçalves", "da Silva", "Muñoz", "Sáenz-Díez"},
			words("Alcá Bena Cordo Espi Fuente Monta Villa"), words("nza lba ro vides rrosa mar ñez"),
			"es_ES", "Europe/Madrid", "+01:00", "EUR",
		},
		{
			words("Ada Grace Alan Mary Seán Siobhán Edward Linus Barbara Fiona"),
			words("Lovelace Hopper O'Connor D'Angelo McDonald Smith-Jones Ní_Bhriain Young Ó_Súilleabháin"),
			words("Ash Black Copper Green Hart Oak Wake West"), words("field worth ford well wood ington ley"),
			"en_GB", "Europe/London", "+00:00", "GBP",
		},
		{
			words("Élodie François Zoë Loïc Hélène Noël Maëlys Théo Gaël"),
			words("L'Hôte Lefèvre Crèvecœur Béranger d'Artagnan Müller-Dubois Gagné"),
			words("Beau Châ Dele Four Gué Mont"), words("champ teau rin nier pierre mière"),
			"fr_FR", "Europe/Paris", "+01:00", "EUR",
		},
	}
}

// specialNames are names that break programs which paste them into filters,
// DNs, CSV, shells or HTML. Each is given to one of the first people.
func specialNames() []string {
	return []string{
		"Jan Novák", "Jan Novák", "Jan Novák", // three people
		"Teller", "Björk", "李小龍", "Ольга", "Suharto", "さくら",
		`O"Brien, Ada`, "*)(cn=*", "#lead", "=cmd()", "Petra Dvořáková  ", "  Leading Blank",
		"Smith, John", `Back\slash`, "Plus+Sign", "Semi;Colon", "<script>alert(1)</script>", "a=b", "'; DROP TABLE users; --",
		"Tab\tbed Name", "Line\nBreak", "Non\u00a0Breaking Space", "Zero\u200bWidth Joiner",
		"Jose\u0301 Ni\u0301\u00f1o", // decomposed letters
		"مريم", "Emoji 🎉 Person", "$(reboot)", "{{ user.email }}", "%n%s%x", "Robert (Bob) Müller", "@SUM(A1)", "-Dash First",
		"X Æ A-12", "J. R. R. T.", "O", "Null", "Ng Ng",
		"Wolfeschlegelsteinhausenbergerdorff-Zeus Hubert Blaine Adolph Bernhard Charles David Earl Frederick Gerald",
		strings.TrimSpace(strings.Repeat("María de los Ángeles ", 12)),
	}
}

// foldName writes a name in letters a to z and dots, as companies make e-mail
// addresses. It leaves out unknown letters.
func foldName(fold *strings.Replacer, name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(fold.Replace(name)) {
		switch {
		case r >= 'a' && r <= 'z':
			b.WriteRune(r)
		case r == ' ' && b.Len() > 0 && !strings.HasSuffix(b.String(), "."):
			b.WriteByte('.')
		}
		if b.Len() == 40 {
			break
		}
	}
	return strings.Trim(b.String(), ".")
}

// letterFolder returns a replacer for the letters with marks in the pools.
func letterFolder() *strings.Replacer {
	const table = `aáàâäãåąăảạấầẩẫậắằẳẵặ cçćč dďđð eéèêëęěẻẽẹếềểễệ gğ` +
		` iíìîïıỉĩị lł nñńň oóòôöõőỏọốồổỗộớờởỡợơ rřŕ sśšş tťţ uúùûüůűủũụứừửữựư yýỳỷỹỵ zźżž`
	var pairs []string
	for _, group := range words(table) {
		runes := []rune(group)
		for _, r := range runes[1:] {
			pairs = append(pairs, string(r), string(runes[0]), strings.ToUpper(string(r)), string(runes[0]))
		}
	}
	return strings.NewReplacer(append(pairs, "ß", "ss", "ø", "oe", "Ø", "oe", "æ", "ae", "Æ", "ae", "œ", "oe", "İ", "i")...)
}
