package host

import "os"

// identity is not known here without opening the file: size and time must do.
func identity(os.FileInfo) string { return "" }
