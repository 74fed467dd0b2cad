package sparse

// Whence values of lseek that look for data and for a hole.
const (
	seekData = 3
	seekHole = 4
)
