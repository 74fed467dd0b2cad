package session

// NegotiateTimeout brings the timeout a client asks for between the server's
// limits, all in milliseconds. Zero and negative ones become the minimum.
func NegotiateTimeout(asked, minimum, maximum int32) int32 {
	return max(min(asked, maximum), minimum)
}
