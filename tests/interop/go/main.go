// SPDX-License-Identifier: Apache-2.0

// The playground service of ../../adaptor/ttrpc/src/test/protobuf/playground.proto in Go, as a server and as a client that prints
// one line for each case: "ok NAME" or "FAIL NAME: why".
package main

import (
	"fmt"
	"os"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "server":
		err = serve(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "client":
		err = runCases(os.Args[2])
	default:
		err = fmt.Errorf("usage: interop server|client SOCKET")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
