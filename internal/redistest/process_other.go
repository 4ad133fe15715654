//go:build !linux

package redistest

import (
	"os/exec"
	"strconv"
)

// startTied starts cmd, and a shell that kills cmd when this process ends for
// any reason. The shell reads from a pipe without data, which is closed when
// this process ends.
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
		_ = guard.Process.Kill() // before the pipe closes, because another process may have the PID by now
		_ = pipe.Close()
		_ = guard.Wait()
	}, nil
}
