"""Where a job keeps its lakes and its checkpoint, as tests look at it: a local folder, or S3.

LocalPlace(folder)          folders below `folder`
S3Place(server, prefix)     keys below a prefix in the bucket of a SignedS3
"""

import os
import shutil

# What a plain listing leaves out.
_HIDDEN = ("_", ".")


class LocalPlace:
    """Folders below one folder."""

    kind = "local"
    own_points = "F"  # The letters of points that are reached here only.
    recovery_points = ("K3", "K15", "F4", "K10", "K12")
    job_options = {}
    environment = {}

    def __init__(self, folder):
        self._folder = folder

    def location(self, name):
        return os.path.join(self._folder, name)

    def visible(self, name):
        """What a plain listing of `name` shows: path, which begins with `name` -> bytes."""
        files = {}
        for folder, folders, names in os.walk(self.location(name)):
            folders[:] = [one for one in folders if not one.startswith(_HIDDEN)]
            for one in names:
                if not one.startswith(_HIDDEN):
                    path = os.path.join(folder, one)
                    with open(path, "rb") as file:
                        files[os.path.relpath(path, self._folder)] = file.read()
        return files

    def read(self, name):
        """The text at `name`; None if there is none."""
        try:
            with open(self.location(name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def names(self, folder):
        """Sorted names of the files right below `folder`."""
        path = self.location(folder)
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    def delete(self, name):
        """With all that is below it."""
        shutil.rmtree(self.location(name))

    def restore_from_copy(self, name):
        """As after a restore from a backup: the same files, but links are files of their own."""
        folder = self.location(name)
        shutil.copytree(folder, folder + ".copy", copy_function=shutil.copy2)
        shutil.rmtree(folder)
        os.rename(folder + ".copy", folder)

    def open_uploads(self):
        return []

    def clear(self):
        pass  # Goes with the folder.


class S3Place:
    """Keys below one prefix."""

    kind = "s3"
    own_points = "M"
    recovery_points = ("K3", "K15", "M3", "K10", "K12")

    def __init__(self, server, prefix):
        self._server, self._prefix = server, prefix
        self._client = server.one_client
        self.job_options = {"storage": {"endpoint": server.url}}
        self.environment = server.environment

    def location(self, name):
        return "s3://%s/%s/%s" % (self._server.bucket, self._prefix, name)

    def visible(self, name):
        files = {}
        for key in self._keys(name + "/"):
            if not any(part.startswith(_HIDDEN) for part in key.split("/")):
                files[key] = self._get(key)
        return files

    def read(self, name):
        data = self._get(name)
        return None if data is None else data.decode("utf-8")

    def names(self, folder):
        names = [key[len(folder) + 1:] for key in self._keys(folder + "/")]
        return sorted(name for name in names if "/" not in name)

    def delete(self, name):
        keys = self._keys(name)
        if keys:
            self._client.delete_objects(Bucket=self._server.bucket, Delete={
                "Objects": [{"Key": self._key(key)} for key in keys]})

    def open_uploads(self):
        """Names and ids of uploads that are neither completed nor given up."""
        return self._server.uploads(self._key(""))

    def clear(self):
        """So that no other job's listing takes longer for this one."""
        self.delete("")
        for key, upload in self.open_uploads():
            self._client.abort_multipart_upload(
                Bucket=self._server.bucket, Key=key, UploadId=upload)

    def _key(self, name):
        return self._prefix + "/" + name

    def _keys(self, prefix):
        """Without the place's own prefix."""
        return [key[len(self._prefix) + 1:] for key in self._server.keys(self._key(prefix))]

    def _get(self, name):
        try:
            answer = self._client.get_object(Bucket=self._server.bucket, Key=self._key(name))
        except self._client.exceptions.NoSuchKey:
            return None
        return answer["Body"].read()
