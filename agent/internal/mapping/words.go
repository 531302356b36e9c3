package mapping

// Unique says where a value must be unique.
type Unique string

// The values of unique in the configuration.
const (
	UniqueNowhere   Unique = ""
	UniqueContainer Unique = "container" // among the direct children of the OU
	UniqueDomain    Unique = "domain"
	UniqueForest    Unique = "forest" // Names.Holder says what else counts; the default of mail, proxyAddresses and userPrincipalName

	uniqueNone Unique = "none" // turns that default off
)

// Values lists the words that the configuration uses for where a value must be
// unique.
func (Unique) Values() []string {
	return []string{string(uniqueNone), string(UniqueContainer), string(UniqueDomain), string(UniqueForest)}
}

// Suffix says what is added to a name that is taken; "" adds nothing.
type Suffix string

// SuffixNumber adds 2, 3, ... to a name that is taken.
const SuffixNumber Suffix = "number"

// Values lists the words that the configuration uses for suffixes.
func (Suffix) Values() []string { return []string{string(SuffixNumber)} }

// OnMissing says what happens to an attribute whose value is missing.
type OnMissing string

// The values of on_missing in the configuration.
const (
	OnMissingKeep    OnMissing = "keep"    // the default: the attribute stays as it is
	OnMissingClear   OnMissing = "clear"   // null and empty values clear it; an absent field keeps it, unless absent = "clear"
	OnMissingDefault OnMissing = "default" // the default is used, for an absent field too
	OnMissingFail    OnMissing = "fail"    // the record is quarantined, for an absent field too
)

// Values lists the words that the configuration uses for what happens to an
// attribute without a value.
func (OnMissing) Values() []string {
	return []string{string(OnMissingKeep), string(OnMissingClear), string(OnMissingDefault), string(OnMissingFail)}
}

// Absent says what an absent field of the record counts as; "" leaves it absent.
type Absent string

// AbsentClear makes an absent field count as null, for an API that leaves out
// fields without a value.
const AbsentClear Absent = "clear"

// Values lists the words that the configuration uses for what an absent field
// counts as.
func (Absent) Values() []string { return []string{string(AbsentClear)} }

// Encoding says how the bytes of a binary attribute are written as text; "" is
// for an attribute that holds text.
type Encoding string

// EncodingBase64 says that a value is the base64 text of the bytes to write.
const EncodingBase64 Encoding = "base64"

// Values lists the words that the configuration uses for encodings.
func (Encoding) Values() []string { return []string{string(EncodingBase64)} }
