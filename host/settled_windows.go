package host

import "os"

// identity returns "": here it would take opening the file, so size and time
// must do.
func identity(os.FileInfo) string { return "" }
