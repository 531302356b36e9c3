package mapping

// Unique says where a value must be the only one.
type Unique string

// Where a value must be the only one.
const (
	UniqueNowhere   Unique = ""
	UniqueContainer Unique = "container" // among the direct children of the OU
	UniqueDomain    Unique = "domain"
	UniqueForest    Unique = "forest" // see Names for what else counts; the default of mail, proxyAddresses and userPrincipalName

	uniqueNone Unique = "none" // turns that default off
)

// Values lists where a value may have to be the only one by its names in the
// configuration.
func (Unique) Values() []string {
	return []string{string(uniqueNone), string(UniqueContainer), string(UniqueDomain), string(UniqueForest)}
}

// Suffix says what is added to a name that is taken; "" adds nothing.
type Suffix string

// SuffixNumber adds 2, 3, ... to a name that is taken.
const SuffixNumber Suffix = "number"

// Values lists the suffixes by their names in the configuration.
func (Suffix) Values() []string { return []string{string(SuffixNumber)} }

// OnMissing says what becomes of an attribute whose value is missing.
type OnMissing string

// What becomes of an attribute whose value is missing.
const (
	OnMissingKeep    OnMissing = "keep"    // the default: the attribute stays as it is
	OnMissingClear   OnMissing = "clear"   // null and empty empty it; a field that is absent keeps, unless absent = "clear"
	OnMissingDefault OnMissing = "default" // the default is taken, for an absent field too
	OnMissingFail    OnMissing = "fail"    // the record is quarantined, for an absent field too
)

// Values lists what may become of an attribute without a value by its names in
// the configuration.
func (OnMissing) Values() []string {
	return []string{string(OnMissingKeep), string(OnMissingClear), string(OnMissingDefault), string(OnMissingFail)}
}

// Absent says what a field that the record does not have counts as; "" leaves
// it absent.
type Absent string

// AbsentClear counts an absent field as null, for an API that leaves out what
// has no value.
const AbsentClear Absent = "clear"

// Values lists what an absent field may count as by its names in the
// configuration.
func (Absent) Values() []string { return []string{string(AbsentClear)} }

// Encoding says how the bytes of a binary attribute are written as text; "" is
// that of an attribute of text.
type Encoding string

// EncodingBase64 says that a value is the base64 text of the bytes to write.
const EncodingBase64 Encoding = "base64"

// Values lists the encodings by their names in the configuration.
func (Encoding) Values() []string { return []string{string(EncodingBase64)} }
