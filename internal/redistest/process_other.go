//go:build !linux

package redistest

import (
	"os/exec"
	"strconv"
)

// startTied starts cmd, and beside it a shell that kills cmd when this process
// ends, however that comes about: the shell reads from a pipe that nobody
// writes to, and the end of this process closes the pipe.
func startTied(cmd *exec.Cmd) (release func(), err error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	guard := exec.Command("/bin/sh", "-c", `read -r _; kill -9 "$0"`, strconv.Itoa(cmd.Process.Pid))
	pipe, err := guard.StdinPipe()
	if err == nil {
		err = guard.Start()
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, err
	}
	return func() {
		_ = guard.Process.Kill() // before the pipe closes: the number may be another process's by now
		_ = pipe.Close()
		_ = guard.Wait()
	}, nil
}
